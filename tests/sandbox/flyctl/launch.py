# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""flyctl launch, with everything that it does unless told not to (internal/command/launch, scanner/rails.go)."""

from __future__ import annotations

import argparse
import re
import secrets
import shutil
import subprocess
from pathlib import Path

from .api import Failed, call, flaps, graphql


def launch(arguments: argparse.Namespace) -> None:
    """Create an app for the source in the working directory, with secrets and databases, and write its files."""
    here = Path.cwd()
    org = organization(arguments.org)
    rails = is_rails(here)
    ruby = not rails and (here / "Gemfile").is_file() and (here / "config.ru").is_file()
    nothing = "Could not find a Dockerfile, nor detect a runtime or framework from source code."
    print(
        f"Detected a {'Rails' if rails else 'Ruby'} app" if rails or ruby else f"{nothing} Continuing with a blank app."
    )
    tools = {name: tool(name) for name in ("bundle", "ruby")} if rails else {}
    name = arguments.name or re.sub(r"[^a-z0-9]+", "-", here.name.lower()).strip("-")
    if call("FLY_FLAPS_BASE_URL", "GET", f"/v1/apps/{name}", quiet=True):
        name = f"{name}-{secrets.token_hex(3)}"  # the name is taken, so it generates another one
    if not arguments.no_create:
        flaps("POST", "/apps", {"name": name, "org_slug": org})
        print(f"Created app '{name}' in organization '{org}'")
    if (here / ".github").is_dir() and not arguments.no_github_workflow:
        write(here / ".github" / "workflows" / "fly-deploy.yml", "on: push\n", 0o600)
    if rails:
        launch_secrets(name, here)
    elif ruby:
        write(here / "Dockerfile", "FROM ruby:3.4\nWORKDIR /app\nCOPY . .\nRUN bundle install\nEXPOSE 8080\n", 0o600)
    if not arguments.no_create:
        launch_databases(name, org, here, arguments)
    if rails:
        generate(here, tools)
    ignored = here / ".gitignore"
    if arguments.dockerignore_from_gitignore and ignored.is_file() and not (here / ".dockerignore").exists():
        write(here / ".dockerignore", f"# flyctl launch added from .gitignore\n{ignored.read_text()}fly.toml\n")
    service = "force_https = true\nauto_stop_machines = 'stop'\nmin_machines_running = 0\nprocesses = ['app']\n"
    write(here / "fly.toml", f"app = '{name}'\n\n[http_service]\ninternal_port = 3000\n{service}")
    if not arguments.no_deploy and not arguments.no_create:
        raise Failed("this stand-in's launch does not deploy: use --no-deploy")
    print("Your app is ready! Deploy with `flyctl deploy`")


def organization(wanted: str) -> str:
    """Return the slug of an organization that the token can see."""
    found = graphql("{ organizations { nodes { slug rawSlug name } } }")["organizations"]["nodes"]
    if not any(wanted in (o["slug"], o["rawSlug"], o["name"]) for o in found):
        raise Failed(f"organization '{wanted}' not found")
    return wanted


def is_rails(here: Path) -> bool:
    """Return whether the scanner detects a Rails app in the folder."""
    texts = {name: (here / name).read_text() for name in ("config.ru", "Gemfile.lock") if (here / name).is_file()}
    return (
        (here / "bin" / "rails").is_file()
        or "Rails" in texts.get("config.ru", "")
        or " rails " in texts.get("Gemfile.lock", "")
    )


def tool(name: str) -> str:
    """Return the path of a program."""
    found = shutil.which(name)
    if not found:
        raise Failed(f'failure finding {name} executable: exec: "{name}": executable file not found in $PATH')
    return found


def launch_secrets(name: str, here: Path) -> None:
    """Set the key of Rails' credentials, or a random SECRET_KEY_BASE, even if no app was created.

    flyctl would prompt for a key without a value; nobody answers, so it is left out.
    """
    keys = [here / "config" / path for path in ("credentials/production.key", "master.key")]
    found = next((path.read_text() for path in keys if path.is_file()), None)
    values = {"SECRET_KEY_BASE": secrets.token_hex(64)} if found is None else {"RAILS_MASTER_KEY": found}
    values = {secret: value for secret, value in values.items() if value}
    if values:
        flaps("POST", f"/apps/{name}/secrets", {"values": values})
        print(f"Set secrets on {name}: {', '.join(values)}")


def launch_databases(name: str, org: str, here: Path, arguments: argparse.Namespace) -> None:
    """Create what the source seems to need: an unmanaged Postgres, which is its own app, and a Redis."""
    database = here / "config" / "database.yml"
    if not arguments.no_db and database.is_file() and re.search("adapter.*postgres", database.read_text()):
        flaps("POST", "/apps", {"name": f"{name}-db", "org_slug": org})
        flaps("POST", f"/apps/{name}/secrets", {"values": {"DATABASE_URL": f"postgres://{name}-db.flycast:5432"}})
    production = here / "config" / "environments" / "production.rb"
    if not arguments.no_redis and production.is_file() and "redis" in production.read_text():
        wanted = {"organizationId": org, "name": f"{name}-redis", "type": "upstash_redis", "primaryRegion": "iad",
                  "planId": "ekQ85Yjkw155ohQ5ALYq0M", "options": {"eviction": True}}  # fmt: skip
        graphql("mutation($i: CreateAddOnInput!) { createAddOn(input: $i) { addOn { name } } }", i=wanted)


def generate(here: Path, tools: dict[str, str]) -> None:
    """Add the gem dockerfile-rails and run its generator."""
    if "dockerfile-rails" not in (here / "Gemfile").read_text():
        added = [tools["bundle"], "add", "dockerfile-rails", "--optimistic", "--group", "development", "--skip-install"]
        subprocess.run(added, stdin=subprocess.DEVNULL, check=False)
    if subprocess.run([tools["bundle"], "install", "--quiet"], stdin=subprocess.DEVNULL, check=False).returncode:
        raise Failed("Failed to install bundle, exiting: exit status 1")
    (here / "fly.toml").touch()
    words = ["bin/rails", "generate", "dockerfile", "--label=fly_launch_runtime:rails"]
    print(f"Running: {' '.join(words)}", flush=True)
    code = subprocess.run([tools["ruby"], *words], check=False).returncode
    if not (here / "Dockerfile").is_file():
        why = f"Failed to generate Dockerfile: exit status {code}" if code else "Failed to read Dockerfile"
        raise Failed(why)


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file, overwriting an existing one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
