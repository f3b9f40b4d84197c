"""Files that PyTorch itself writes; run by `make test-torch`."""

import argparse

import numpy as np
import pytest

from tests.tf_mt import torch_writer
from tf_mt.importers import torch_file

torch = pytest.importorskip("torch")

LAYOUTS = pytest.mark.parametrize("zipped", [True, False])


def reread(tmp_path, content, zipped):
    path = tmp_path / "content.pth"
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return torch_file.load(path)


@LAYOUTS
@pytest.mark.parametrize("dtype", torch_writer.STORAGES)
def test_tensors_come_back(zipped, dtype, tmp_path):
    values = np.random.default_rng(0).integers(0, 2, (3, 4, 2)).astype(dtype)
    found = reread(tmp_path, [torch.from_numpy(values)], zipped)[0]
    assert found.dtype == values.dtype
    np.testing.assert_array_equal(found, values)


@LAYOUTS
def test_views_of_one_storage_come_back(zipped, tmp_path):
    whole = torch.arange(24.0).reshape(4, 6)
    content = {"whole": whole, "turned": whole.T, "part": whole[1:3, ::2]}
    found = reread(tmp_path, content, zipped)
    assert set(found) == set(content)
    for name, tensor in content.items():
        np.testing.assert_array_equal(found[name], tensor.numpy())


@LAYOUTS
def test_a_checkpoint_of_a_training(zipped, tmp_path):
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv1d(1, 4, 3), torch.nn.BatchNorm1d(4), torch.nn.Linear(8, 2)
    )
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.randn(2, 1, 10)).sum().backward()
    optimizer.step()
    found = reread(
        tmp_path,
        {
            "state": network.state_dict(),
            "optimizer": optimizer.state_dict(),
            "parameter": network[0].weight,
            "args": argparse.Namespace(layers=14),
            "epoch": 264,
        },
        zipped,
    )
    for name, tensor in network.state_dict().items():
        np.testing.assert_array_equal(found["state"][name], tensor.numpy())
    average = optimizer.state_dict()["state"][0]["exp_avg"]
    np.testing.assert_array_equal(
        found["optimizer"]["state"][0]["exp_avg"], average.numpy()
    )
    np.testing.assert_array_equal(found["parameter"], network[0].weight.detach())
    assert found["args"].layers == 14
    assert found["epoch"] == 264


@LAYOUTS
def test_a_whole_network_is_refused(zipped, tmp_path):
    with pytest.raises(ValueError, match=r"names torch\.nn"):
        reread(tmp_path, torch.nn.Linear(2, 2), zipped)
