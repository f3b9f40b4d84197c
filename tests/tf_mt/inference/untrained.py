"""Runs of untrained models, whose translations are not clipped."""

import keras
import numpy as np

from tests.tf_mt.models import tiny
from tf_mt import dataset, models
from tf_mt.training import run

INFO = dataset.DatasetInfo("toy", 8000, ("cello", "flute", "piano"))


def save(path, approach, preset):
    """Saves a run of no steps; its model is quiet enough not to be clipped."""
    chosen = (
        tiny.preset(approach, INFO.domains)
        if preset == "tiny"
        else models.preset(approach, preset)
    )
    settings = run.settings_of(approach, chosen, INFO)
    keras.utils.set_random_seed(0)
    model = run.build(settings)
    if approach == "vae_gan":
        for variable in model.generator.trainable_variables:
            if variable.shape == (model.hparams.bands,):
                variable.assign(np.full(variable.shape, -2.0))
    folder = run.Run(path)
    folder.settle(settings)
    folder.save(model, step=0, history=[])
    return path
