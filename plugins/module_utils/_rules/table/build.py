# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What the image needs during its build, and what it must contain that Heroku's stack and buildpacks provide."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.finding import (
    INFO,
    WARN,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.app import App
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.folder import Ignored
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.rule import (
    Hit,
    Rule,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.table.data import package_place

_SECRET_FILES = re.compile(
    r"(?:.*/)?(?:\.env(?:\.(?!example|sample|template|dist)[\w.]+)?|master\.key|credentials/\w+\.key|\.netrc|\.npmrc|\.pypirc|"
    r"id_(?:rsa|ed25519|ecdsa)|[\w.-]+\.(?:pem|p12|pfx|key|dump|sql\.gz)|(?:service[-_]account|credentials|secrets)[\w-]*\.(?:json|ya?ml))"
)
_PUBLIC_GEMS = re.compile(
    r"https?://(?:rubygems\.org|gems\.ruby-china\.com|rails-assets\.org|gems\.rubyforge\.org|gem\.coop)/?"
)
# The program that a package calls, and a pattern of what installs it in a Debian image.
_PROGRAMS = {
    "gem:ruby-vips": ("libvips", r"vips"),
    "gem:image_processing": ("libvips or ImageMagick", r"vips|magick"),
    "gem:mini_magick": ("ImageMagick", r"imagemagick|vips"),
    "gem:rmagick": ("ImageMagick", r"magick"),
    "gem:streamio-ffmpeg": ("FFmpeg", r"ffmpeg"),
    "gem:wkhtmltopdf-heroku": ("wkhtmltopdf", r"wkhtmltopdf"),
    "gem:grover": ("Chrome", r"chrom|puppeteer"),
    "gem:ferrum": ("Chrome", r"chrom"),
    "gem:poppler": ("Poppler", r"poppler"),
}
_JAVASCRIPT = ("gem:execjs", "gem:uglifier", "gem:autoprefixer-rails", "gem:coffee-rails", "gem:react-rails")


def _unlisted_secrets(app: App) -> Iterator[Hit]:
    """Yield files with secrets that git does not track and .dockerignore does not leave out; only their names."""
    if not app.folder.checkout:
        return
    ignored = Ignored(app.folder.text(".dockerignore").split("\n"))
    names = [path for path in app.folder.unlisted() if _SECRET_FILES.fullmatch(path) and not ignored.matches(path)]
    if names:
        where = ".dockerignore" if ".dockerignore" in app.folder else names[0]
        yield Hit(where, 0, {"names": ", ".join(names)})


def _aptfile(app: App) -> Iterator[Hit]:
    """Yield one hit, at the first of the packages that the Dockerfile does not name."""
    missing: dict[str, int] = {}
    for line, package in enumerate(map(str.strip, app.folder.code("Aptfile").split("\n")), 1):
        if not app.dockerfile or not package or package.startswith(":"):
            continue
        file = re.sub(r"\[[^][]*\]", "", package.rpartition("/")[2])
        name = re.sub(r"^lib|-dev$|\d+(?:\.\d+)*$", "", re.split(r"[=_]|-\d", file)[0])
        if name and name.lower() not in app.dockerfile.lower():
            missing.setdefault(package, line)
    if missing:
        yield Hit("Aptfile", min(missing.values()), {"packages": ", ".join(missing)})


def _programs(app: App) -> Iterator[Hit]:
    if not _debian(app):
        return
    full = re.search(r"^FROM\s+\S*ruby:(?!\S*(?:slim|alpine))", app.dockerfile, re.MULTILINE)
    for package, (program, pattern) in _PROGRAMS.items():
        # A gem that only another gem requires may never be called.
        asked = re.search(rf"^\s*gem[ (]\s*[\"']{package[4:]}[\"']", app.folder.code("Gemfile"), re.MULTILINE)
        # The full images of Ruby have ImageMagick already.
        brought = "ImageMagick" in program and full
        if asked and not brought and not re.search(pattern, app.dockerfile, re.IGNORECASE):
            words = {"program": program, "name": package.partition(":")[2]}
            yield Hit(*package_place(app, package), words)


def _debian(app: App) -> bool:
    """Return whether the Dockerfile starts from an official image and installs what it needs itself."""
    return bool(
        re.search(
            r"^FROM\s+(?:--platform=\S+\s+)?(?:docker\.io/)?(?:library/)?(?:ruby|python|node|debian|ubuntu)[:$]",
            app.dockerfile,
            re.MULTILINE,
        )
        or re.search(r"^FROM\s+\S*/ruby:\$", app.dockerfile, re.MULTILINE)
    )


def _javascript(app: App) -> Iterator[Hit]:
    package = app.package(*_JAVASCRIPT)
    embedded = app.package("gem:mini_racer", "gem:therubyracer")
    installed = re.search(r"\bnode|bun\b|mini_racer", app.dockerfile, re.IGNORECASE)
    if package and _debian(app) and not embedded and not installed:
        yield Hit(*package_place(app, package), {"name": package.partition(":")[2]})


def _private_gems(app: App) -> Iterator[Hit]:
    if not app.dockerfile or "type=secret" in app.dockerfile:
        return
    for number, line in enumerate(app.folder.text("Gemfile.lock").split("\n"), 1):
        found = re.match(r"  remote: (https?://\S+)", line)
        private = found and not _PUBLIC_GEMS.fullmatch(found[1]) and not re.match(r"https://github\.com/", found[1])
        if found and private and not re.match(r"https://[^/]*(?:gitlab|bitbucket)", found[1]):
            host = re.sub(r"//[^@/]*@", "//", found[1])
            yield Hit("Gemfile.lock", number, {"host": host})


def _npmrc(app: App) -> Iterator[Hit]:
    code = app.folder.code(".npmrc")
    found = re.search(r"_authToken\s*=\s*\$\{?(\w+)", code)
    if found and app.dockerfile and "type=secret" not in app.dockerfile:
        yield Hit(".npmrc", code.count("\n", 0, found.start()) + 1, {"name": found[1]})


def _precompile(app: App) -> Iterator[Hit]:
    found = re.search(r"assets:precompile", app.dockerfile)
    if found and app.own_image and "SECRET_KEY_BASE" not in app.dockerfile and "type=secret" not in app.dockerfile:
        yield Hit(app.dockerfile_path, app.dockerfile.count("\n", 0, found.start()) + 1)


def _build_environment(app: App) -> Iterator[Hit]:
    """Yield variables that Rails needs to start at all, and therefore to compile its assets."""
    if not app.package("gem:rails", "gem:railties") or not app.package(
        "gem:sprockets-rails",
        "gem:propshaft",
        "gem:webpacker",
        "gem:vite_rails",
        "gem:shakapacker",
        "gem:jsbundling-rails",
    ):
        return
    files = re.compile(r"config/(?:application|environment|boot|environments/production|initializers/.*)\.rb")
    dotenv = [path for path in app.folder.files if re.fullmatch(r"\.env(?:\.(?:default|production|defaults))?", path)]
    for read in app.reads:
        if not read.required or not files.fullmatch(read.path) or read.name in app.set_for_image:
            continue
        # dotenv and the like read these at the start.
        given = any(re.search(rf"^{read.name}=", app.folder.text(path), re.MULTILINE) for path in dotenv)
        # SECRET_KEY_BASE_DUMMY and the like: the file itself gives it a value.
        given = given or bool(re.search(r"\bENV\[[^\]]+\]\s*(?:\|\|)?=(?!=)", app.folder.code(read.path)))
        if not given and not _lazy(app, read.path, read.line):
            yield Hit(read.path, read.line, {"name": read.name})


def _lazy(app: App, path: str, line: int) -> bool:
    """Return whether the line runs later, if at all: in a block, a lambda or a method, or under a condition."""
    lines = app.folder.code(path).split("\n")
    if re.search(r"\b(?:if|unless)\b|->|\blambda\b|\?.*:|&&|\|\||\bproc\b", lines[line - 1]):
        return True
    indent = len(lines[line - 1]) - len(lines[line - 1].lstrip())
    for before in reversed(lines[: line - 1]):
        if not before.strip():
            continue
        depth = len(before) - len(before.lstrip())
        if depth < indent:
            indent = depth
            if re.search(
                r"^\s*(?:if|unless|elsif|else|when|case|def|rescue)\b|->|\blambda\b|\bproc\b|=\s*if\b", before
            ):
                return True
            if re.search(r"\bdo\b|\{\s*(?:\|[^|]*\|)?\s*$", before) and not re.search(
                r"\b(?:configure|setup|config|Builder|init|application|use|draw|tap)\b|Rails\.application", before
            ):
                return True
    return False


def _dropped(app: App) -> Iterator[Hit]:
    if ".dockerignore" not in app.folder:
        return
    ignored = Ignored(app.folder.text(".dockerignore").split("\n"))
    needed = (
        "Gemfile",
        "Gemfile.lock",
        "package.json",
        "config/application.rb",
        "config.ru",
        "db/schema.rb",
        "bin/rails",
        "Rakefile",
        "manage.py",
        "mix.exs",
        "composer.json",
        "artisan",
    )
    for path in needed:
        if (app.folder.root / path).is_file() and ignored.matches(path):
            head = path.partition("/")[0]
            yield Hit(".dockerignore", app.line(".dockerignore", head), {"path": path})


def _slugignore(app: App) -> Iterator[Hit]:
    if ".slugignore" in app.folder and ".dockerignore" not in app.folder:
        yield Hit(".slugignore", 1)


RULES = (
    Rule(
        id="secret-files",
        level=WARN,
        text="The image would contain files that are not in git and that Heroku never had: {names}.",
        remedy="Add them to .dockerignore.",
        source="https://github.com/rails/rails/issues/33478",
        find=_unlisted_secrets,
    ),
    Rule(
        id="aptfile-package",
        level=WARN,
        text="The Aptfile has packages that the Dockerfile does not name: {packages}.",
        remedy="Install with apt-get in the Dockerfile what the app still needs. Apt adds what a package depends on.",
        source="https://github.com/sciencehistory/scihist_digicoll/issues/919",
        find=_aptfile,
    ),
    Rule(
        id="missing-program",
        level=WARN,
        text="{name} needs {program}, which the Dockerfile does not install.",
        remedy="Install it with apt-get in the Dockerfile.",
        source="https://devcenter.heroku.com/articles/stack-packages",
        find=_programs,
    ),
    Rule(
        id="javascript-runtime",
        level=WARN,
        text="{name} needs a JavaScript runtime, which the Dockerfile does not install.",
        remedy="Install Node.js in the stage that compiles the assets.",
        source="https://github.com/rails/execjs",
        find=_javascript,
    ),
    Rule(
        id="private-gems",
        level=WARN,
        text="Bundler needs credentials for {host}. Heroku's build has them as config vars; a Dockerfile's does not.",
        remedy="Mount them as build secrets (RUN --mount=type=secret, fly deploy --build-secret).",
        source="https://github.com/fly-apps/dockerfile-rails/issues/40",
        find=_private_gems,
    ),
    Rule(
        id="private-packages",
        level=WARN,
        text="npm reads {name}. Heroku's build has it as a config var; a Dockerfile's build does not.",
        remedy="Mount it as a build secret (RUN --mount=type=secret, fly deploy --build-secret).",
        source="https://docs.docker.com/build/building/secrets/",
        find=_npmrc,
    ),
    Rule(
        id="precompile-secret",
        level=WARN,
        text="The Dockerfile compiles assets without SECRET_KEY_BASE, which Heroku's build has.",
        remedy="Put SECRET_KEY_BASE_DUMMY=1 in front of the command.",
        source="https://fly.io/docs/rails/getting-started/dockerfiles/",
        find=_precompile,
    ),
    Rule(
        id="build-environment",
        level=WARN,
        text="Rails does not start without {name}. The build starts it, and has no config vars on Fly.",
        remedy="Give a default here, or a placeholder under [build.args] in fly.toml or in the Dockerfile.",
        source="https://fly.io/docs/rails/getting-started/dockerfiles/",
        find=_build_environment,
    ),
    Rule(
        id="dockerignore-drops",
        level=WARN,
        text="The image will not contain {path}, which the app needs.",
        remedy="Remove it from .dockerignore.",
        source="https://docs.docker.com/build/concepts/context/#dockerignore-files",
        find=_dropped,
    ),
    Rule(
        id="slugignore",
        level=INFO,
        text="Heroku leaves out the files listed here; an image on Fly contains them.",
        remedy="Add the same lines to .dockerignore.",
        source="https://devcenter.heroku.com/articles/slug-compiler#ignoring-files-with-slugignore",
        find=_slugignore,
    ),
)
