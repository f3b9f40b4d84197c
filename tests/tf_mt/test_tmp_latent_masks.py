import dataclasses, pathlib, json
import numpy as np, tensorflow as tf, pytest
from tf_mt import config, models, run, trainer
from tf_mt.data import clips
TINY = models.preset("vae_gan", "tiny")
def trained(data, folder, strategy, model, **kw):
    preset = config.Preset(model, dataclasses.replace(TINY.training, **kw))
    settings = run.settings_of("vae_gan", preset, clips.read_info(data))
    kept = run.Run(folder); kept.settle(settings)
    trainer.train(lambda: run.build(settings), data, kept, preset.training, strategy)
    h = json.loads(sorted(kept.path.glob("checkpoints/*/state.json"))[-1].read_text())["history"]
    return [v.numpy() for v in run.load_model(pathlib.Path(folder)).weights], h
@pytest.mark.parametrize("kw", [{}, {"mask_frames": 8}, {"mask_bands": 4}])
def test_it(scores_data, tmp_path, kw):
    model = dataclasses.replace(TINY.model, **kw)
    s = tf.distribute.MirroredStrategy([d.name for d in tf.config.list_logical_devices("CPU")], cross_device_ops=tf.distribute.ReductionToOneDevice())
    for name, steps in (("x1", 1),("x4", 4)):
        a, ha = trained(scores_data, tmp_path/f"{name}a", None, model, steps=steps, epoch_steps=steps)
        c, hc = trained(scores_data, tmp_path/f"{name}c", s, model, steps=steps, epoch_steps=steps)
        diff = np.concatenate([np.abs(x-y).ravel() for x, y in zip(a, c)])
        print(kw, steps, "max", diff.max(), "share>1e-5", (diff>1e-5).mean())
        print(ha[0]["train"]); print(hc[0]["train"])
