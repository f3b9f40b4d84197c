"""The client over TLS and unix sockets, to the server as its flags set it up."""

import contextlib
import subprocess
import sys

import numpy as np
import pytest
import trustme
from google.protobuf import text_format

from serving import client, connection, tls
from serving.server import config_file, credentials
from serving.server.grpc_endpoint import GrpcOptions
from serving.server.limits import Limits
from serving.server.model import Model
from serving.server.models import Models
from serving.server.server import Server
from tf_mt.audio import files

AUDIO = np.linspace(-0.4, 0.4, 5000, dtype=np.float32)


@pytest.fixture(scope="module")
def base(tmp_path_factory, save_translator):
    base = tmp_path_factory.mktemp("translator")
    save_translator(base / "1", {"cello": 2.0})
    return base


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def pem(tmp_path_factory, authority):
    """Files that a client is given: an authority, a certificate and its key."""
    folder = tmp_path_factory.mktemp("pem")
    issued = authority.issue_cert("client")
    authority.cert_pem.write_to_path(folder / "ca")
    issued.private_key_pem.write_to_path(folder / "key")
    issued.cert_chain_pems[0].write_to_path(folder / "certificate")
    trustme.CA().cert_pem.write_to_path(folder / "stranger")
    (folder / "junk").write_text("junk")
    return folder


@contextlib.contextmanager
def served(base, **options):
    models = Models(Model)
    server = Server(models, GrpcOptions(0, **options), None, Limits())
    server.start()
    try:
        models.add(Model("translator", base, poll_wait_seconds=0))
        yield f"localhost:{server.port}"
    finally:
        server.stop()


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory, base, authority):
    """The addresses of servers: one that wants to see a certificate, one that not."""
    issued = authority.issue_cert("localhost")
    config = config_file.SSLConfig(
        server_key=issued.private_key_pem.bytes().decode(),
        server_cert=issued.cert_chain_pems[0].bytes().decode(),
        custom_ca=authority.cert_pem.bytes().decode(),
    )
    path = tmp_path_factory.mktemp("tls") / "ssl.config"
    addresses = {}
    with contextlib.ExitStack() as servers:
        for mutual in (False, True):
            config.client_verify = mutual
            path.write_text(text_format.MessageToString(config))
            keys = credentials.read(path)
            started = served(base, credentials=keys)
            addresses[mutual] = servers.enter_context(started)
        yield addresses


def translated(address, shown=None):
    with client.Client(address, "translator", credentials=shown) as connected:
        return connected.translate(AUDIO[np.newaxis], "cello")[0]


def test_tls(encrypted, pem):
    shown = tls.credentials(pem / "ca")
    np.testing.assert_array_equal(translated(encrypted[False], shown), 2 * AUDIO)


def test_tls_of_both_sides(encrypted, pem):
    shown = tls.credentials(pem / "ca", pem / "certificate", pem / "key")
    np.testing.assert_array_equal(translated(encrypted[True], shown), 2 * AUDIO)


def test_a_unix_socket(tmp_path, base):
    path = tmp_path / "socket"
    with served(base, socket_path=path):
        for address in (f"unix:{path}", f"unix://{path}"):
            np.testing.assert_array_equal(translated(address), 2 * AUDIO)


def test_a_server_that_is_not_trusted_is_not_tried_again(encrypted, pem, monkeypatch):
    sent = []
    send = connection.Connection.send

    def spy(self, *arguments):
        sent.append(arguments)
        return send(self, *arguments)

    monkeypatch.setattr(connection.Connection, "send", spy)
    address = encrypted[False]
    host, _, port = address.partition(":")
    assert host == "localhost"
    for asked, shown in [
        (address, tls.credentials(pem / "stranger")),
        (address, tls.credentials()),
        # The certificate names localhost.
        (f"127.0.0.1:{port}", tls.credentials(pem / "ca")),
    ]:
        with pytest.raises(ConnectionError, match=f"'{asked}' and this client cannot"):
            translated(asked, shown)
    assert len(sent) == 3


def test_a_server_without_tls_is_told(base, pem):
    with (
        served(base) as address,
        pytest.raises(ConnectionError, match="cannot agree on TLS; check whether"),
    ):
        translated(address, tls.credentials(pem / "ca"))


def test_a_client_without_a_certificate_is_refused(encrypted, pem, monkeypatch):
    monkeypatch.setattr("serving.retries.RETRY_SECONDS", ())
    with pytest.raises(ConnectionError, match="does not answer"):
        translated(encrypted[True], tls.credentials(pem / "ca"))


@pytest.mark.parametrize(
    "names, kind, words",
    [
        (("none", None, None), FileNotFoundError, "tls_ca='.*none': no such file"),
        (("junk", None, None), ValueError, "tls_ca='.*junk' holds no certificate in"),
        (("key", None, None), ValueError, "tls_ca='.*key' holds no certificate in PEM"),
        ((None, "certificate", None), ValueError, "and tls_key=None: give both or"),
        ((None, None, "key"), ValueError, "tls_certificate=None and tls_key='.*key'"),
        ((None, "none", "key"), FileNotFoundError, "tls_certificate='.*none': no such"),
        ((None, "ca", "key"), ValueError, "must be a certificate and its private key"),
        ((None, "certificate", "junk"), ValueError, "must be a certificate and its"),
    ],
)
def test_words_for_files_that_are_none(pem, names, kind, words):
    with pytest.raises(kind, match=words):
        tls.credentials(*(name and pem / name for name in names))


@pytest.mark.parametrize("server", ["localhost", "unix:", "unix://", "unix"])
def test_words_for_an_address_that_is_none(server):
    with pytest.raises(
        ValueError, match=f"server='{server}' must be HOST:PORT or unix"
    ):
        client.Client(server, "any")


def run(*arguments):
    """The script in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "serving.translate", "--model=translator", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_script(tmp_path, encrypted, pem):
    files.write(tmp_path / "in.wav", AUDIO, 16000)
    target = tmp_path / "out.wav"
    paths = f"--input={tmp_path / 'in.wav'}", f"--output={target}", "--domain=cello"
    keys = f"--tls_certificate={pem / 'certificate'}", f"--tls_key={pem / 'key'}"
    server = f"--server={encrypted[True]}"
    done = run(server, f"--tls_ca={pem / 'ca'}", *keys, *paths)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(files.read(target, 16000), 2 * AUDIO, atol=1e-4)
    refused = run(server, "--tls", *paths)
    assert refused.returncode == 1
    # gRPC's own lines about the handshake stand before it.
    *_, line = refused.stderr.splitlines()
    assert "Traceback" not in refused.stderr
    assert line.startswith(f"error: server='{encrypted[True]}' and this client cannot")
