#!/usr/bin/python
# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pg_transfer
short_description: Copy and verify a PostgreSQL database
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Copies a whole database from one snapshot, without superuser rights on either side, and compares both sides before
    it calls the copy complete. The schema, the value of every sequence, and by default the content of every row and
    large object are compared.
  - The schema is copied by C(pg_dump), without what belongs to Heroku or needs a superuser. Rows are copied by
    C(COPY) in several processes, from connection to connection, without a file in between.
  - If the module runs on the controller without C(become), it prints a line with its progress every few seconds, also
    in a polled C(async) task, and without C(async) a line with a summary at the end. On any host, O(progress_file)
    gives other programs the same.
  - A small schema C(_flyover) on the target records what was copied. With it, a target that is still equal is left
    alone, one that no longer is gets only what changed since, and an interrupted copy is resumed. A target that this
    module did not fill, or that is sealed, is never overwritten.
  - The transaction ids of rows show what changed, in one scan of each table on each side; neither replication slots
    nor triggers are needed. Tables that M(flyover.heroku_to_fly.pg_change_log) has logged on the source since before
    a copy that was compared by checksums are not scanned; they are logged on the target as well, until it is sealed.
    All changes are made in one transaction, which commits only if the target then holds what the source does.
extends_documentation_fragment:
  - flyover.heroku_to_fly.attributes
  - flyover.heroku_to_fly.attributes.common
attributes:
  check_mode:
    support: full
    details: Without a O(target) nothing can be compared; RV(verdict) is then V(unknown).
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  source:
    description:
      - URL of the source, V(postgres://user:password@host:port/database). TLS is required unless the host is
        loopback. The certificate is verified only if the URL says so, because Heroku's cannot be verified.
      - Required with O(state=present).
    type: str
  target:
    description:
      - URL of the target, as the role that will own everything. It may be left out in check mode.
    type: str
  state:
    description:
      - V(present) makes the target a verified copy of the source.
      - V(sealed) says that from now on the target is the system of record, so that no later run overwrites it.
    type: str
    choices: [present, sealed]
    default: present
  mode:
    description:
      - V(auto) updates a complete copy. It copies everything if there is none, if an update is not possible, or if so
        much changed that a full copy is faster.
      - V(warm) is V(auto) for the time in which the app still writes. In the end it compares all content by
        O(verify), even what has not changed, so that none of this is left to do when the app has stopped.
      - V(delta) fails if the copy cannot be updated, instead of copying everything.
      - V(full) copies everything if anything changed.
    type: str
    choices: [auto, warm, delta, full]
    default: auto
  jobs:
    description:
      - Number of processes that copy and compare. Each takes one connection on each side.
    type: int
    default: 2
  verify:
    description:
      - How rows and large objects are compared. V(checksums) reads every row on both sides, V(counts) counts them.
        With V(none), rows are only counted as they are copied. Schema and sequences are always compared.
      - This applies to a copy just made, and with O(mode=warm) to every copy. If a copy is updated, what changed is
        always compared by checksums. An earlier copy with a weaker comparison is compared again.
    type: str
    choices: [none, counts, checksums]
    default: checksums
  clean:
    description:
      - Whether to drop everything in a target that is not empty or that is sealed.
    type: bool
    default: false
  pg_bin_dir:
    description:
      - Folder of C(pg_dump) and C(pg_restore), of a major version from the source's to the target's. By default
        the module looks on E(PATH), next to the Python that runs it, and where distributions install them.
    type: path
  progress_file:
    description:
      - File to write the progress to, as JSON, about once a second.
    type: path
requirements:
  - Python library psycopg2 2.9 or newer
  - C(pg_dump) and C(pg_restore)
seealso:
  - module: flyover.heroku_to_fly.pg_change_log
  - module: flyover.heroku_to_fly.pg_fence
  - module: flyover.heroku_to_fly.fly_proxy
"""

EXAMPLES = r"""
- name: Copy the database
  flyover.heroku_to_fly.pg_transfer:
    source: "{{ heroku_database_url }}"
    target: "{{ fly_database_url }}"
  register: copy

- name: Update the copy while the app still runs, and compare everything
  flyover.heroku_to_fly.pg_transfer:
    source: "{{ heroku_database_url }}"
    target: "{{ fly_database_url }}"
    mode: warm

- name: From now on the copy is what counts
  flyover.heroku_to_fly.pg_transfer:
    target: "{{ fly_database_url }}"
    state: sealed
"""

RETURN = r"""
verdict:
  description:
    - V(copied), V(updated) if an earlier copy was updated, or V(unchanged); in check mode V(would_copy) or
      V(would_update), or V(unknown) without a target or if something forbids the copy.
  returned: success
  type: str
  sample: copied
sealed:
  description: Whether the target is sealed.
  returned: success
  type: bool
  sample: false
reason:
  description:
    - Why everything is copied, or an interrupted copy resumed; empty if neither is.
    - After a failure, V(authentication) if a server refused the user or password.
  returned: unless the target is sealed
  type: str
  sample: the target holds no complete copy of the source
tables:
  description:
    - What happened to each table.
  returned: when both sides were compared, or without a target
  type: list
  elements: dict
  contains:
    name:
      description: Schema and name, quoted as SQL needs.
      type: str
      sample: public.orders
    rows:
      description:
        - How many rows it has on both sides. In check mode null for a table that would be updated V(by log), and for
          all tables if there is no target.
      type: int
      sample: 30000
    bytes:
      description: What it takes on the source's disk.
      type: int
      sample: 4194304
    how:
      description: How it became equal, V(copy), V(by log), V(by key), V(whole) or V(unchanged).
      type: str
      sample: copy
    seconds:
      description: How long it took to copy.
      returned: if it was copied
      type: float
      sample: 0.2
    moved:
      description: How many rows were written or deleted.
      returned: if a copy was updated
      type: int
      sample: 12
    verified_at:
      description: When all of its content was last compared.
      returned: if a copy was updated
      type: str
      sample: "2026-11-26T17:55:00Z"
  sample: [{name: public.orders, rows: 30000, bytes: 4194304, how: copy, seconds: 0.2}]
totals:
  description: What there is of everything.
  returned: unless the target is sealed
  type: dict
  contains:
    tables:
      description: Number of tables.
      type: int
      sample: 46
    rows:
      description: Number of rows; null if that of a table is.
      type: int
      sample: 125811
    bytes:
      description: What the tables take on the source's disk.
      type: int
      sample: 30000000
    sequences:
      description: Number of sequences.
      type: int
      sample: 40
    large_objects:
      description: Number of large objects.
      type: int
      sample: 22
  sample: {tables: 46, rows: 125811, bytes: 30000000, sequences: 40, large_objects: 22}
verified:
  description: The comparison of everything.
  returned: when both sides were compared
  type: dict
  contains:
    level:
      description: What was compared, V(none), V(counts) or V(checksums).
      type: str
      sample: checksums
    matched:
      description: Whether both sides are equal.
      type: bool
      sample: true
    mismatches:
      description: What differs, each with C(name) and C(difference).
      type: list
      elements: dict
      sample: []
  sample: {level: checksums, matched: true, mismatches: []}
settled:
  description: The privileges, comments and settings that the target got (in check mode, would get).
  returned: when both sides were compared
  type: list
  elements: str
  sample: [revoke EXECUTE on routine public.pay() from public]
findings:
  description:
    - What the user must know about this database. C(level) is V(block) for what forbids the copy, V(warn) for what
      may break the app, or V(info). A run that would write fails if anything blocks; check mode returns all of them.
  returned: unless the target is sealed, and when they make the task fail
  type: list
  elements: dict
  contains:
    id:
      description: What it is about, which is stable. The collection's C(docs/findings.md) lists every id.
      type: str
      sample: database-extension
    level:
      description: V(block), V(warn) or V(info).
      type: str
      sample: warn
    text:
      description: What was found.
      type: str
    remedy:
      description: What to do about it.
      type: str
  sample:
    - id: database-extension
      level: block
      text: Extension postgis is needed by column places.at, but the target's server does not offer it.
      remedy: Enable it there in schema heroku_ext.
plan:
  description:
    - What was found out about both sides before anything was written.
  returned: unless the target is sealed
  type: dict
  contains:
    source:
      description: Facts of the source, such as its C(version), C(size_bytes) and C(collation).
      type: dict
    target:
      description: The same of the target; empty without one.
      type: dict
    extensions:
      description: The source's extensions, and what the target has and offers of them.
      type: list
      elements: dict
    not_moved:
      description: What stays behind, each with C(kind), C(name) and C(reason).
      type: list
      elements: dict
      sample: [{kind: event trigger, name: validate_extension, reason: needs a superuser}]
    warnings:
      description: What may break the app.
      type: list
      elements: str
    estimate:
      description:
        - The C(read_seconds) that all rows would take from the source to the module, as a sample of the
          C(sampled_table) took; empty for a database so small that this says nothing. A slow target takes longer.
      returned: in check mode, if everything would be copied
      type: dict
  sample: {not_moved: [{kind: event trigger, name: validate_extension, reason: needs a superuser}]}
seconds:
  description: Seconds spent in each phase.
  returned: with both URLs
  type: dict
  sample: {schema: 0.5, data: 2.1, constraints: 0.3, verify: 1.2}
blockers:
  description: What forbids the copy, as sentences.
  returned: failure, when findings block
  type: list
  elements: str
  sample: ["There are 3 large objects that the source's role may not read. Grant it SELECT on them."]
mismatches:
  description: What differs between the copy and the source, at most 20 of it.
  returned: failure, when the comparison found a difference
  type: list
  elements: dict
  contains:
    kind:
      description: What kind of thing it is.
      type: str
      sample: table
    name:
      description: Its name.
      type: str
      sample: public.users
    difference:
      description: What differs.
      type: str
      sample: 12 rows instead of 13
  sample: [{kind: table, name: public.users, difference: 12 rows instead of 13}]
sqlstate:
  description: PostgreSQL's code for the error.
  returned: failure, when a server refused a statement
  type: str
  sample: "55P03"
remedy:
  description: What to do about the failure. It also ends C(msg).
  returned: failure
  type: str
  sample: Correct what it names, then run again.
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.masking import hide, invocation, keep_readable
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.runner import run
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.result import UNKNOWN
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.run import Wanted
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.transfer import seal, survey, transfer
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.wire.url import Address, parse


def work(module: AnsibleModule) -> dict[str, Any]:
    options = module.params
    hide(module, [options[name] for name in ("source", "target") if options[name]])
    source, target = _address(module, "source"), _address(module, "target")
    if options["jobs"] < 1:
        raise InputError("jobs", "at least one process must copy", "Give 1 or more.")
    if target is None and not module.check_mode:
        raise InputError("target", "it is missing", "Give the target's URL; only check mode can do without.")
    if options["state"] == "sealed" and target is not None:
        result = seal(target, module.check_mode)
    elif source is not None and target is not None:
        wanted = Wanted(
            **{name: options[name] for name in ("mode", "jobs", "verify", "clean", "pg_bin_dir", "progress_file")}
        )
        result = transfer(source, target, wanted, module.check_mode)
    elif source is not None and options["state"] == "present":
        result = survey(source)
    else:
        result = {"changed": True, "verdict": UNKNOWN, "sealed": False}
    for warning in [*result.get("plan", {}).get("warnings", []), *result.pop("warnings", [])]:
        module.warn(warning)
    # The result is made of names, numbers and our own words: a short password must not mask parts of them.
    keep_readable(module, [str(result)])
    return {**result, "invocation": invocation(module, ["source", "target"])}


def _address(module: AnsibleModule, option: str) -> Address | None:
    url = module.params[option]
    return parse(url, option).with_sslmode(option, None, "require") if url else None


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "source": {"type": "str", "no_log": True},
            "target": {"type": "str", "no_log": True},
            "state": {"type": "str", "choices": ["present", "sealed"], "default": "present"},
            "mode": {"type": "str", "choices": ["auto", "warm", "delta", "full"], "default": "auto"},
            "jobs": {"type": "int", "default": 2},
            "verify": {"type": "str", "choices": ["none", "counts", "checksums"], "default": "checksums"},
            "clean": {"type": "bool", "default": False},
            "pg_bin_dir": {"type": "path"},
            "progress_file": {"type": "path"},
        },
        required_if=[("state", "present", ["source"])],
        supports_check_mode=True,
    )
    run(module, work)


if __name__ == "__main__":
    main()
