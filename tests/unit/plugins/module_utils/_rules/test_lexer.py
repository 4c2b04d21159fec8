# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.lexer import (
    language,
    prose,
    without_comments,
)


@pytest.mark.parametrize(
    ("path", "text", "kept"),
    [
        ("a.rb", "a = 1 # b\nc\n", "a = 1\nc"),
        ("a.rb", "a = '#b' # c\n", "a = '#b'"),
        ("a.rb", 'a = "#{x["b"]} #c" # d\n', 'a = "#{x["b"]} #c"'),
        ("a.rb", "a =~ /x#y/ # z\n", "a =~ /x#y/"),
        ("a.rb", "a = b / 2 # c / d\n", "a = b / 2"),
        ("a.rb", "a = %w[#b c] # d\n", "a = %w[#b c]"),
        ("a.rb", "=begin\nx\n=end\ny\n", "y"),
        ("a.rb", "a = <<~SQL\n  # kept\nSQL\nb # c\n", "a = <<~SQL\n  # kept\nSQL\nb"),
        ("a.rb", "a\n__END__\nENV['X']\n", "a"),
        ("a.rb", "it's = 1 # b\nd # e\n", "it's = 1\nd"),
        ("a.py", '"""x"""\na = """#b"""  # c\n', 'a = """#b"""'),
        ("a.js", "a('//b') // c\n/* d\ne */f\n", "a('//b')\n\n    f"),
        ("a.js", "const r = /[/]x/; // y\n", "const r = /[/]x/;"),
        ("a.ts", "const u = `https://x`; // y\n", "const u = `https://x`;"),
        ("a.exs", '@doc """\nx\n"""\ny # z\n', "y"),
        ("a.php", "a('#b'); # c\n#[D]\n", "a('#b');\n#[D]"),
        ("a.yml", "a: b#c # d\ne: '#f'\n", "a: b#c\ne: '#f'"),
        ("Dockerfile", "# x\nRUN a #b\n", "RUN a"),
        ("a.html.erb", "<!-- x --><%# y %><%= z %>", "<%= z %>"),
        ("a.json", '{"a": "# b"}', '{"a": "# b"}'),
    ],
)
def test_comments_become_blanks(path: str, text: str, kept: str) -> None:
    found = without_comments(text, path)
    assert len(found) == len(text)
    assert found.count("\n") == text.count("\n")
    assert [line.rstrip() for line in found.strip().split("\n")] == [line.rstrip() for line in kept.split("\n")]


def test_language_by_name() -> None:
    assert [language(path) for path in ("config/database.yml.erb", "Gemfile", "a/b.html.erb", "c.tsx", "LICENSE")] == [
        *("hash", "ruby", "html", "javascript", "")
    ]


@pytest.mark.parametrize(("opening", "count"), [("<<~'TEXT'", 1), ("<<-'USAGE'", 1), ("<<~TEXT", 0), ("<<~'RUBY'", 0)])
def test_a_heredoc_without_interpolation_is_no_code(opening: str, count: int) -> None:
    tag = opening.strip("<~-'")
    assert len(prose(f"puts {opening}\n  ENV['DYNO']\n{tag}\nx\n")) == count
