"""Which of the versions on disk are to be served."""

from collections.abc import Collection

from tensorflow_serving.config import file_system_storage_path_source_pb2

Policy = (
    file_system_storage_path_source_pb2.FileSystemStoragePathSourceConfig
).ServableVersionPolicy


def wanted(policy: Policy, numbers: Collection[int]) -> set[int]:
    """Chooses versions: the latest one where the policy says nothing.

    Args:
        policy: As in a ModelServerConfig.
        numbers: The versions on disk.
    """
    kind = policy.WhichOneof("policy_choice")
    if kind == "all":
        return set(numbers)
    if kind == "specific":
        return set(numbers) & set(policy.specific.versions)
    count = max(policy.latest.num_versions, 1)
    return set(sorted(numbers)[-count:])
