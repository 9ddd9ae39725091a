"""Tests of what the styles of a web page hide."""

from __future__ import annotations

import html
import re
import time

import pytest

from rag.extract.convert.simple_html import simplify

HIDDEN = [
    '<p style="color:#fff;background:#fff">tern</p>',
    '<p style="color:white">tern</p>',
    '<font color="#FEFEFE">tern</font>',
    '<table><tr><td bgcolor=navy><span style="color:#000080">tern</span></td></tr></table>',
    '<p style="position:absolute;left:-9999px">tern</p>',
    '<h2 style="text-indent: -9999px">tern</h2>',
    "<style>.x{visibility:hidden}</style><p class=x>tern</p>",
    "<style>.y { font-size: 0 }</style><p class='y z'>tern</p>",
    "<style>.y{font:0/0 a}</style><p class=y>tern</p>",
    "<style>.z .w{display:none}</style><div class=z><p><b class=w>tern</b></p></div>",
    "<style>div > .w{display:none}</style><div><p class=w>tern</p></div>",
    "<style>@media screen { .a { color: red } } p#a.b.c{display:none}</style><p id=a class='c b'>tern</p>",
    "<style>.sr{position:absolute;width:1px;height:1px;overflow:hidden}</style><b class=sr>tern</b>",
    "<style>.sr{clip:rect(0, 0, 1px, 1px)}</style><b class=sr>tern</b>",
    "<style>.sr{clip-path:inset(50%)}</style><b class=sr>tern</b>",
    "<style>.a{display:block}.a{display:none}</style><p class=a>tern</p>",
    "<style>.a{display:none!important}</style><p class=a style='display:block'>tern</p>",
    "<style>.PANE{display:none}</style><p class=Pane>tern</p>",
    '<div style="font-size:0"><p style="font-size:2em">tern</p></div>',
    '<p style="color:rgba(0,0,0,0)">tern</p>',
    '<p style="opacity:0.01">tern</p>',
    '<p style="font-size:1px">tern</p>',
    '<a href="https://x.example/" style="font-size:0">tern</a>',
    '<div style="visibility:hidden"><input value=tern><img alt=tern></div>',
]
SHOWN = [
    '<table><tr><td style="font-size:0px;padding:10px"><div style="font-size:13px">tern</div></td></tr></table>',
    '<div style="visibility:hidden"><p style="visibility:visible">tern</p></div>',
    "<style>.pane{display:none}.pane.active{display:block}</style><p class='pane active'>tern</p>",
    "<style>.pane.active{display:block}.pane{display:none}</style><p class='active pane'>tern</p>",
    "<style>#a{display:block}.pane{display:none}</style><p class=pane id=a>tern</p>",
    "<style>.pane{display:none}</style><p class=pane style='display:block'>tern</p>",
    "<style>.z .w{display:none}</style><p class=w>tern</p>",
    "<style>div > .w{display:none}</style><div><b><i class=w>tern</i></b></div>",
    "<style>.a:hover{display:none}.a[x]{display:none}.b + .a{display:none}</style><p class=a>tern</p>",
    '<p style="color:#fff;background:#036">tern</p>',
    '<table><tr><td bgcolor="#003366"><p style="color:#fff">tern</p></td></tr></table>',
    '<table background="a.png"><tr><td style="color:#fff">tern</td></tr></table>',
    "<style>.hero[x]{background:#036}h1{color:#fff}</style><div class=hero x><h1>tern</h1></div>",
    "<link rel=stylesheet href=a.css><p style='color:#fff'>tern</p>",
    "<style>body{background:#000}</style><p>tern</p>",
    '<p style="color:#fff;background-image:linear-gradient(#000,#111)">tern</p>',
    '<p style="left:-9999px">tern</p>',
    '<div style="font-size:0"><img alt=tern></div>',
    '<div style="font-size:0"><p style="font:13px/1.4 sans-serif">tern</p></div>',
    '<p hidden style="display:block">tern</p>',
    '<p style="text-indent:-2em">tern</p>',
    "<style>body{opacity:0;visibility:hidden}</style>tern",
]


def words(source: str) -> list[str]:
    parts = simplify(f"<html><body>gull {source} auk", lambda _: None).parts
    return re.findall(r"\w+", html.unescape(re.sub(r"<[^>]*>", " ", "".join(parts))))


@pytest.mark.parametrize("source", HIDDEN)
def test_text_that_styles_hide_is_left_out(source: str) -> None:
    assert words(source) == ["gull", "auk"]


@pytest.mark.parametrize("source", SHOWN)
def test_text_that_styles_show_is_kept(source: str) -> None:
    assert words(source) == ["gull", "tern", "auk"]


@pytest.mark.parametrize(
    "source",
    [
        f"<style>{'p{color:red}' * 20_000}</style>{'<p>a' * 20_000}",
        f"<style>{'.a .a .a .a{color:red}' * 300}</style>{'<div class=a>' * 2_000}",
        f"<style>{'.a ' * 20_000}{{color:red}}</style>{'<div class=a>' * 2_000}",
        f"<p class='{'a ' * 100_000}'>a",
        f"<p style='font:{'1' * 60_000}'>a<p style='width:{'1' * 60_000}!;overflow:hidden'>a",
        f"<p style='color:rgba({',0' * 60_000}x'>a<p style='background:{'url(' * 60_000}'>a",
    ],
    ids=["rules", "around", "selector", "classes", "digits", "functions"],
)
def test_time_for_hostile_styles_is_limited(source: str) -> None:
    before = time.thread_time()
    simplify(source, lambda _: None)
    assert time.thread_time() - before < 10
