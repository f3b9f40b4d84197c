"""What models do with clips that the encoder hears from an instrument of no domain."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tf_mt.models import test_contract
from tf_mt import dataset

FAMILIES = pytest.mark.parametrize("approach", ["vae_gan", "umt", "cpc_gru"])


@FAMILIES
def test_they_are_of_no_domain_to_the_classifier(approach):
    weights = {"paired": 1.0, "confusion": 0.1}
    model = test_contract.made(approach, weights=weights)
    batch = test_contract.batch_for(model)

    def terms(domain):
        keras.utils.set_random_seed(0)
        heard = {"encoder_audio": batch["audio"], "encoder_domain": domain}
        found = model.objectives({**batch, **heard}, training=False)
        return {k: float(v) for one in found for k, v in one.terms.items()}

    as_they_are = terms(batch["domain"])
    of_none = terms(tf.fill(batch["domain"].shape, dataset.NO_DOMAIN))
    assert as_they_are["classifier"] > 0.0
    assert of_none["classifier"] == 0.0
    for name in ("reconstruction", "paired"):
        assert as_they_are[name] == pytest.approx(of_none[name], rel=1e-6)
    assert np.all(np.isfinite(list(of_none.values())))
