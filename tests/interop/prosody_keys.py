"""Writes accounts as Prosody's internal_hashed keeps them, with SCRAM-SHA-256 keys.

Usage: prosody_keys.py ACCOUNTS DIRECTORY    ACCOUNTS: a line `local TAB password` for each.
"""

import hashlib
import hmac
import secrets
import sys
from pathlib import Path

ITERATIONS = 10000
accounts, directory = Path(sys.argv[1]), Path(sys.argv[2])
for line in accounts.read_text().splitlines():
    local, password = line.split("\t")
    salt = secrets.token_hex(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), ITERATIONS)
    stored_key = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).hexdigest()
    server_key = hmac.digest(salted, b"Server Key", "sha256").hex()
    (directory / f"{local}.dat").write_text(
        f'return {{ ["salt"] = "{salt}"; ["iteration_count"] = {ITERATIONS}; '
        f'["stored_key"] = "{stored_key}"; ["server_key"] = "{server_key}"; }};\n'
    )
