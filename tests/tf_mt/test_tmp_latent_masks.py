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
    return [v.numpy() for v in run.load_model(pathlib.Path(folder)).weights]
def test_it(scores_data, tmp_path):
    model = dataclasses.replace(TINY.model, mask_frames=8, mask_bands=4)
    s = tf.distribute.MirroredStrategy([d.name for d in tf.config.list_logical_devices("CPU")], cross_device_ops=tf.distribute.ReductionToOneDevice())
    for noise in (-40.0, -120.0):
      for m in (model, TINY.model):
        kw = {"noise_db": noise, "gain_db": 6.0}
        a = trained(scores_data, tmp_path/f"a{noise}{m.mask_frames}", None, m, **kw)
        c = trained(scores_data, tmp_path/f"c{noise}{m.mask_frames}", s, m, **kw)
        diff = np.concatenate([np.abs(x-y).ravel() for x, y in zip(a, c)])
        print("RES noise", noise, "masks", m.mask_frames, "max", diff.max(), "share>1e-5", (diff>1e-5).mean())
