# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Self-signed certificates: like those of Heroku's databases and Redis, and one that a client can verify."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Certificate:
    """Files with a certificate and its key, in PEM format."""

    certificate: Path
    key: Path

    def server_context(self) -> ssl.SSLContext:
        """Return the context for a TLS server."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def self_signed(folder: Path) -> Certificate:
    """Write a new certificate, which no client can verify, into O(folder)."""
    return _write(folder, {})


def for_loopback(folder: Path) -> Certificate:
    """Write a new certificate for 127.0.0.1 into O(folder), which clients that trust it can verify."""
    folder.mkdir(exist_ok=True)
    loopback = x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))
    # It is its own authority, and is allowed to sign itself.
    return _write(folder, {x509.SubjectAlternativeName([loopback]): False, x509.BasicConstraints(True, 0): True})


def _write(folder: Path, extensions: Mapping[x509.ExtensionType, bool]) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sandbox")])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=30))
    )
    for extension, critical in extensions.items():
        builder = builder.add_extension(extension, critical)
    certificate = builder.sign(key, hashes.SHA256())
    files = Certificate(folder / "server.crt", folder / "server.key")
    files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files.key.touch(mode=0o600)
    files.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files
