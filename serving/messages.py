"""Classes of protobuf messages from a table of their fields, without generated code."""

from collections.abc import Mapping

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

_FILE = "messages.proto"


def classes(
    messages: Mapping[str, Mapping[str, tuple[int, str]]],
) -> dict[str, type[Message]]:
    """Makes message classes in a descriptor pool of their own.

    So they live beside others of the same names in the same process.

    Args:
        messages: {message: {field: (number, type)}}. A type is a name of protobuf's or
            of a message of the table; a star before it marks a repeated field. On the
            wire an enum is an int32, and a map is a list of its entries.

    Returns:
        The class of each message, by its name.
    """
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(_file(messages).SerializeToString())
    return message_factory.GetMessageClassesForFiles([_FILE], pool)


def _file(
    messages: Mapping[str, Mapping[str, tuple[int, str]]],
) -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name=_FILE, syntax="proto3")
    for message, fields in messages.items():
        declared = file.message_type.add(name=message)
        for name, (number, kind) in fields.items():
            field = declared.field.add(name=name, number=number)
            field.label = (
                field.LABEL_REPEATED if kind.startswith("*") else field.LABEL_OPTIONAL
            )
            kind = kind.removeprefix("*")
            if kind in messages:
                field.type = field.TYPE_MESSAGE
                field.type_name = f".{kind}"
            else:
                field.type = field.Type.Value(f"TYPE_{kind.upper()}")
    return file
