"""Ask small real models, and a scripted strong writer, questions with known answers, and judge what is shown.

    python -m tests.try_model [--scripted] [--server PROGRAM --model FILE.gguf …] [--bench FOLDER --data FOLDER]

The program is llama.cpp's server. It and the models come from installed packages or from the options; nothing else is
downloaded. Each model is asked through a stand-in of Ollama's server and directly, by OpenAI's protocol. The exit code
is 1 if a wrong statement was shown, or if a fault of the server did not end in passages.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path

from bot.demo.samples import draw_samples
from rag import Rag, Settings, open_rag
from rag.adapters.generators import open_generator
from rag.setting_groups import AnswerSettings
from tests.support.absent import NoEmbedder
from tests.support.ollama_chat import Model
from tests.support.ollama_server import Script, ollama_server
from tests.support.openai_server import ServedModel, openai_server
from tests.try_model.asking import Reply, TimedGenerator, ask
from tests.try_model.faults import try_faults
from tests.try_model.gold import GoldQuestion, benchmark_questions, sample_questions
from tests.try_model.llama import CONTEXT, HOW_TO_GET, LIMITS, behind_ollama, find_models, find_program, llama_server
from tests.try_model.report import Run, faults_line, last_line, table
from tests.try_model.writer import Style, Writer

APIS = ("ollama", "openai")
NAME = "writer"


def index_samples(data: Path, **read: object) -> None:
    """Draw the sample documents and index them; what is indexed already is kept."""
    settings = Settings(data=data, answer={"model": ""}, text={"model": ""}, read=read)
    with open_rag(settings, embedder=NoEmbedder()) as rag:
        failed = [one for one in rag.index(draw_samples(data / "samples")[:2]) if one.state in ("failed", "skipped")]
    if failed:
        raise RuntimeError(f"the samples could not be indexed: {failed}")


@contextmanager
def opened(data: Path, answer: AnswerSettings) -> Iterator[tuple[Rag, TimedGenerator]]:
    """Open the engine with the real client of a model server, timed."""
    timed = TimedGenerator(open_generator(answer))
    settings = Settings(data=data, answer=answer, text={"model": ""})
    with open_rag(settings, embedder=NoEmbedder(), generator=timed) as rag:
        yield rag, timed


def ask_all(
    title: str, data: Path, answer: AnswerSettings, questions: Sequence[GoldQuestion], *, scripted: bool = False
) -> Run:
    """Ask all questions of a model, one after the other."""
    replies: list[Reply] = []
    with opened(data, answer) as (rag, timed):
        for number, question in enumerate(questions, 1):
            replies.append(ask(rag, timed, question, scripted))
            sys.stderr.write(f"\r{title}: {number} of {len(questions)} ")
    sys.stderr.write("\n")
    return Run(title, tuple(replies), scripted)


def scripted_runs(data: Path, questions: Sequence[GoldQuestion], apis: Sequence[str] = APIS) -> Iterator[Run]:
    """Have the scripted writer answer in each of its styles, by each protocol."""
    for style in Style:
        for api in apis:
            with served(api, Script(text=Writer(questions, style))) as answer:
                yield ask_all(f"scripted, {style}, {api}", data, answer, questions, scripted=True)


@contextmanager
def served(api: str, script: Script) -> Iterator[AnswerSettings]:
    """Serve a scripted model by a protocol."""
    with ExitStack() as stack:
        if api == "ollama":
            ollama = stack.enter_context(ollama_server(Model(NAME)))
            ollama.script, host = script, ollama.url
        else:
            openai = stack.enter_context(openai_server(ServedModel(NAME)))
            openai.script, host = script, f"{openai.url}/v1"
        yield AnswerSettings(api=api, host=host, model=NAME)


def real_runs(
    data: Path, questions: Sequence[GoldQuestion], program: Path, model: Path, threads: int, apis: Sequence[str] = APIS
) -> Iterator[Run]:
    """Have a real model answer, by each protocol."""
    with (
        tempfile.TemporaryDirectory() as folder,
        llama_server(program, model, CONTEXT, threads, Path(folder) / "log") as url,
        ollama_server(Model(model.stem, trained_context=CONTEXT)) as front,
    ):
        front.model = behind_ollama(url)
        hosts = {"ollama": front.url, "openai": f"{url}/v1"}
        for api in apis:
            answer = AnswerSettings(api=api, host=hosts[api], model=model.stem, **LIMITS)
            yield ask_all(f"{model.stem}, {api}", data, answer, questions)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scripted", action="store_true", help="the scripted writer alone, without a real model")
    parser.add_argument("--server", type=Path, help="llama.cpp's llama-server")
    parser.add_argument("--model", type=Path, action="append", default=[], help="a GGUF file; can be repeated")
    parser.add_argument("--api", choices=APIS, action="append", help="one protocol only")
    parser.add_argument("--threads", type=int, default=2, help="threads of the model")
    parser.add_argument("--keep", type=Path, help="keep the data folder of the samples here and use it again")
    parser.add_argument("--bench", type=Path, help="folder of a benchmark, to ask about its documents instead")
    parser.add_argument("--data", type=Path, help="data folder in which the benchmark's documents are indexed")
    parser.add_argument("--show", type=Path, help="write every reply to this file, as JSON Lines")
    given = parser.parse_args(arguments)
    if (given.bench is None) != (given.data is None):
        parser.error("--bench and --data belong together")
    apis = given.api or APIS
    with tempfile.TemporaryDirectory() as folder:
        program = models = None
        if not given.scripted:
            program, models = given.server or find_program(), given.model or find_models(Path(folder))
        if not given.scripted and not (program and program.is_file() and models and all(map(Path.is_file, models))):
            sys.stderr.write(f"No llama.cpp server and model were found. {HOW_TO_GET}\n")
            return 2
        data = given.data or given.keep or Path(folder) / "data"
        if given.bench is None:
            index_samples(data)
        questions = sample_questions() if given.bench is None else benchmark_questions(given.bench)
        runs = list(scripted_runs(data, questions, apis))
        for model in models or ():
            if program is not None:
                runs += real_runs(data, questions, program, model, given.threads, apis)
        faults = [try_faults(api, data, questions[0], partial(served, api), opened) for api in apis]
    if given.show is not None:
        lines = [
            json.dumps({"run": run.title, **asdict(reply)}, ensure_ascii=False) for run in runs for reply in run.replies
        ]
        given.show.write_text("\n".join(lines) + "\n", "utf-8")
    for line in (*table(runs), *map(faults_line, faults), last_line(runs)):
        sys.stdout.write(f"{line}\n")
    return int(any(reply.wrong for run in runs for reply in run.replies) or any(fault.failed for fault in faults))


if __name__ == "__main__":
    sys.exit(main())
