"""All errors of rag in one tree, by who can act on them.

MagpieError
    UserCanFix           the person who asked or shared a file can fix it
        Unreadable           a file that cannot be read: encrypted, empty, damaged, wrong type, too large
        NotFound             a path, file name or space that does not exist
        BadSetting           an unknown setting, or an invalid value
    TryAgain             it may work later without any change
        Busy                 another process holds a lock
        GeneratorBusy        the generator has no free slot
        GeneratorTimeout     the generator took too long
        GeneratorFailed      the generator broke off, or returned nothing
            AnswerCut            the answer reached the length limit; its pieces were yielded
                PromptCut            the server truncated the prompt; the answer was yielded
        EmbedderBusy         an embedding server is busy, slow, or broke off
        RerankerBusy         a reranker is busy, slow, or broke off
        ExtractorStopped        the extraction process died or ran out of time or memory
        OriginUnavailable    no file of this kind can be fetched now
    OperatorMustAct      the operator has to install, start or repair something
        WeightsMissing       the weights of the embedder are not on this machine
        EmbedderFailed       the embedder could not be opened
        EmbedderDown         no embedding server answers at its address
        RerankerFailed       the reranker could not be opened, or cannot be used
        GeneratorDown        no generator answers at its address
        ModelMissing         the generator does not have the model
        ModelUnfit           the model cannot do what was asked of it
        StoreBroken          the vector store is damaged; it is refilled from the catalog
        CatalogUnfit         the catalog is newer than this program, damaged, or cannot be upgraded

`str(error)` says what is wrong, `error.hint` what to do.
"""

from __future__ import annotations


class MagpieError(Exception):
    """Base class. `str()` is a sentence, `hint` the remedy (may be empty)."""

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


class RerankerBusy(TryAgain):
    pass


class ExtractorStopped(TryAgain):
    pass


class OriginUnavailable(TryAgain):
    pass


class OperatorMustAct(MagpieError):
    pass


class WeightsMissing(OperatorMustAct):
    pass


class EmbedderFailed(OperatorMustAct):
    pass


class EmbedderDown(OperatorMustAct):
    pass


class RerankerFailed(OperatorMustAct):
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
