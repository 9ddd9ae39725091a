"""Every error rag raises on purpose, in one tree by who can do something about it.

MagpieError
    UserCanFix           the person who asked or shared can put it right
        Unreadable           a file that cannot be read: encrypted, empty, damaged, wrong type, too large
        NotFound             a path, file name or space that is not there
        BadSetting           a setting with a value or a name that does not exist
    TryAgain             it may work in a moment, nothing needs to change
        Busy                 another process holds what this one needs
        GeneratorBusy        the generator has no free place
        GeneratorTimeout     the generator took too long
        GeneratorFailed      the generator broke off, or said nothing
            AnswerCut            the answer reached its longest length; what there is of it was yielded
                PromptCut            not all of the prompt was read; what was made of it was yielded
        EmbedderBusy         an embedder's server is busy, slow, or broke off
        ReaderStopped        the reading process died or ran out of time or memory
    OperatorMustAct      somebody has to install, start or repair something
        WeightsMissing       the embedder's weights are not on this machine
        EmbedderFailed       the embedder could not be opened
        EmbedderDown         no server of an embedder answers at its address
        GeneratorDown        no generator answers at its address
        ModelMissing         the generator does not have the model
        ModelUnfit           the model cannot do what was asked of it
        StoreBroken          the vector store cannot be used; it is filled again from the catalog
        CatalogUnfit         the catalog is newer than this program, damaged, or cannot be upgraded

Each carries a sentence that says what is wrong and `hint`, which says what to do.
"""

from __future__ import annotations


class MagpieError(Exception):
    """Base of the tree: `str()` is the sentence, `hint` the remedy (may be empty)."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UserCanFix(MagpieError):
    pass


class Unreadable(UserCanFix):
    pass


class NotFound(UserCanFix):
    pass


class BadSetting(UserCanFix):
    pass


class TryAgain(MagpieError):
    pass


class Busy(TryAgain):
    pass


class GeneratorBusy(TryAgain):
    pass


class GeneratorTimeout(TryAgain):
    pass


class GeneratorFailed(TryAgain):
    pass


class AnswerCut(GeneratorFailed):
    pass


class PromptCut(AnswerCut):
    pass


class EmbedderBusy(TryAgain):
    pass


class ReaderStopped(TryAgain):
    pass


class OperatorMustAct(MagpieError):
    pass


class WeightsMissing(OperatorMustAct):
    pass


class EmbedderFailed(OperatorMustAct):
    pass


class EmbedderDown(OperatorMustAct):
    pass


class GeneratorDown(OperatorMustAct):
    pass


class ModelMissing(OperatorMustAct):
    pass


class ModelUnfit(OperatorMustAct):
    pass


class StoreBroken(OperatorMustAct):
    pass


class CatalogUnfit(OperatorMustAct):
    pass
