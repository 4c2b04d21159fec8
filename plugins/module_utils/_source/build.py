# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""How an app's image is built on Fly: by what flyctl finds, or by Heroku's Cloud Native Buildpacks.

An image of Cloud Native Buildpacks starts its default process, whatever command Fly gives it: its ENTRYPOINT is
C(/cnb/process/web), which for Heroku's buildpacks is C(bash -c), so that only the first word of a command is run.
C(launcher --) runs any command in the environment that the buildpacks created, without a shell in between
(github.com/buildpacks/lifecycle, launch/process.go; github.com/heroku/buildpacks-procfile, src/launch.rs).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# github.com/heroku/cnb-builder-images; the builders for older stacks are gone.
BUILDERS = {
    "heroku-22": "heroku/builder:22",
    "heroku-24": "heroku/builder:24",
    "heroku-26": "heroku/builder:26",
}
LAUNCHER = ["/cnb/lifecycle/launcher", "--"]

IMAGE, BUILDPACKS, DOCKERFILE, UNSAID = "image", "buildpacks", "dockerfile", ""
# The alternative to buildpacks if the source does not say: a Dockerfile by fly launch.
LAUNCH = "launch"

# What the builders detect and run alongside Ruby.
_BESIDE_RUBY = frozenset(["heroku/jvm", "heroku/nodejs", "heroku/ruby"])
_CLASSIC_URL = re.compile(r"https://github\.com/heroku/heroku-buildpack-(\w+?)(?:\.git)?/?(?:#.*)?")
_APT = re.compile(r"heroku-community/apt|.*/heroku-buildpack-apt(?:\.git)?/?(?:#.*)?")


@dataclass(frozen=True)
class ImageSource:
    """What an app's source folder says about how to build its image."""

    way: str
    """V(image), V(buildpacks), V(dockerfile), or "" if it does not say."""
    builder: str
    """The builder that fly.toml names."""
    aptfile: bool
    """Whether there is an Aptfile, and no equivalent for Cloud Native Buildpacks."""


def way(build: Mapping[str, Any], dockerfile: bool) -> str:
    """Return how flyctl gets the image.

    It looks for an image, then a builder, in C([build]) of fly.toml, and last for a Dockerfile there and in the folder
    (imgsrc/resolver.go).
    """
    if build.get("image"):
        return IMAGE
    if build.get("builder"):
        return BUILDPACKS
    named = any(build.get(key) for key in ("dockerfile", "build-target", "build_target", "builtin", "compose"))
    return DOCKERFILE if named or dockerfile else UNSAID


def unsupported(buildpacks: Iterable[str]) -> list[str]:
    """Return the classic O(buildpacks), names or URLs, that Heroku's builders do not run alongside Ruby.

    The apt buildpack is left out, because its Aptfile says more.
    """
    return [pack for pack in buildpacks if _name(pack) not in _BESIDE_RUBY and not _APT.fullmatch(pack)]


def _name(buildpack: str) -> str:
    url = _CLASSIC_URL.fullmatch(buildpack)
    return f"heroku/{url[1]}" if url else buildpack
