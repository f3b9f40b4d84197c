import json

import pytest

from tf_mt.training import trainer, workers

CLUSTER = {"worker": ["host0:2222", "host1:2222"]}
TASK = {"type": "worker", "index": 1}


def refused(tf_config, reason, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", tf_config)
    with pytest.raises(ValueError, match=rf"^TF_CONFIG=.* {reason}.*; unset it"):
        trainer.default_strategy()


@pytest.mark.parametrize("tf_config", ["", "{}", '{"task": {"type": "worker"}}'])
def test_nobody_else_is_named(tf_config):
    assert not workers.are_named(tf_config)


@pytest.mark.parametrize("index", [1, "1"])
def test_workers_are_named(index):
    task = {"type": "worker", "index": index}
    assert workers.are_named(json.dumps({"cluster": CLUSTER, "task": task}))


@pytest.mark.parametrize("tf_config", ["worker0", "{'cluster': {}}", '{"cluster": '])
def test_what_is_no_json_is_refused(tf_config, monkeypatch):
    refused(tf_config, "is not JSON", monkeypatch)


@pytest.mark.parametrize("tf_config", ['["cluster"]', '"cluster"', "3", "null"])
def test_other_json_is_refused(tf_config, monkeypatch):
    refused(tf_config, "is not a JSON object", monkeypatch)


@pytest.mark.parametrize(
    "cluster", [["host0:2222"], None, {"worker": "host0:2222"}, {"worker": ["host0"]}]
)
def test_clusters_of_another_form_are_refused(cluster, monkeypatch):
    tf_config = json.dumps({"cluster": cluster, "task": TASK})
    refused(tf_config, "needs lists of HOST:PORT", monkeypatch)


@pytest.mark.parametrize(
    "task",
    [
        None,
        "worker",
        {"type": "worker"},
        {"index": 0},
        {"type": "worker", "index": 2},
        {"type": "worker", "index": -1},
        {"type": "chief", "index": 0},
        {"type": ["worker"], "index": 0},
    ],
)
def test_tasks_that_are_not_in_the_cluster_are_refused(task, monkeypatch):
    tf_config = json.dumps({"cluster": CLUSTER, "task": task})
    refused(tf_config, "needs a task", monkeypatch)
