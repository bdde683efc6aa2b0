"""Who speaks when: the part of a report that says it, as codes and in words."""

from typing import Literal

from pydantic import Field

from unmask.serving.report.base import ReportModel, Seconds

PersonCode = Literal[
    "speaks",
    "dubbed",
    "listens",
    "moves_lips",
    "moves_lips_unheard",
    "no_speech_heard",
    "mouth_not_seen",
]
SituationCode = Literal[
    "nobody_speaks",
    "voice_over",
    "unseen_speaker",
    "nobody_in_view",
    "several_speakers",
    "other_sound",
]
SpanCode = Literal["speaks", "listens", "moves_lips", "unseen_voice", "other_sound"]
LipSyncCode = Literal[
    "not_trained",
    "speaks_too_briefly",
    "lips_are_still",
    "somebody_else_speaks",
    "no_speech_heard",
    "mouth_not_seen",
]

PERSON_TEXTS: dict[PersonCode, str] = {
    "speaks": "speaks",
    "dubbed": "lips move as in speech and fit the sound nowhere: dubbed, or another's voice",
    "listens": "listens: the lips are still while speech is heard",
    "moves_lips": "the lips move while somebody else who is seen speaks",
    "moves_lips_unheard": "the lips move, but no speech is heard",
    "no_speech_heard": "no speech is heard while this person is in view",
    "mouth_not_seen": "the mouth is not seen well enough to say whether this person speaks",
}
SITUATION_TEXTS: dict[SituationCode, str] = {
    "nobody_speaks": "No speech is heard, so nobody speaks.",
    "voice_over": "Speech is heard and nobody in view is seen to speak, as with a narrator.",
    "unseen_speaker": "Somebody speaks who is not in view or whose lips are still, beside those "
    "who are seen to speak.",
    "nobody_in_view": "Speech is heard and no face is in view.",
    "several_speakers": "Several people in view speak.",
    "other_sound": "Music or other sound is heard that is no speech.",
}
LIP_SYNC_TEXTS: dict[LipSyncCode, str] = {
    "not_trained": "the detector does not compare lips with sound",
    "speaks_too_briefly": "this person speaks too briefly",
    "lips_are_still": "this person's lips are still",
    "somebody_else_speaks": "somebody else speaks while these lips move",
    "no_speech_heard": "no speech is heard while this person is in view",
    "mouth_not_seen": "the mouth is not seen well enough",
}


class Situation(ReportModel):
    """One fact about who speaks in the video as a whole."""

    code: SituationCode = Field(description="Code of the fact.")
    message: str = Field(description="The fact in words.")


class LipSyncReason(ReportModel):
    """Why a person has no lip-sync score."""

    code: LipSyncCode = Field(description="Code of the reason.")
    message: str = Field(description="The reason in words.")


class PersonSpeaking(ReportModel):
    """Whether one person speaks."""

    person: int = Field(ge=0, description="Number of the person.")
    code: PersonCode = Field(description="What this person does for the most part.")
    message: str = Field(description="The same in a sentence.")
    speaks_s: Seconds = Field(description="How long this person is seen to speak.")
    listens_s: Seconds = Field(
        description="How long speech is heard while this person's lips are still."
    )
    no_lip_sync: LipSyncReason | None = Field(
        default=None, description="Null where lip-sync is scored."
    )


class SpeakingSpan(ReportModel):
    """A stretch of the video in which one thing is so."""

    code: SpanCode = Field(description="What is so.")
    person: int | None = Field(description="Number of the person; null for a sound.")
    start_s: Seconds = Field(description="Start in the video.")
    end_s: Seconds = Field(description="End in the video.")


class Speaking(ReportModel):
    """Who speaks when, as far as lips and sound tell."""

    situations: tuple[Situation, ...] = Field(description="About the video as a whole.")
    people: tuple[PersonSpeaking, ...] = Field(description="In order of appearance.")
    spans: tuple[SpeakingSpan, ...] = Field(description="By person, then sound; ascending in time.")

    @property
    def lines(self) -> tuple[str, ...]:
        """Everything in words, for people to read."""
        situations = (situation.message for situation in self.situations)
        return *situations, *(person.message for person in self.people)


def describe_person(
    person: int, code: PersonCode, speaks_s: float, no_lip_sync: LipSyncCode | None
) -> str:
    """Return a sentence on whether a person speaks, and why lip-sync is not scored, if it is not.

    Example:
        >>> describe_person(0, "speaks", 0.6, "speaks_too_briefly")
        'Person 0: speaks, for 0.6 s; no lip-sync, because this person speaks too briefly.'
    """
    seconds = f", for {speaks_s:.1f} s" if code == "speaks" else ""
    missing = ""
    if no_lip_sync is not None and no_lip_sync not in ("not_trained", code):
        missing = f"; no lip-sync, because {LIP_SYNC_TEXTS[no_lip_sync]}"
    return f"Person {person}: {PERSON_TEXTS[code]}{seconds}{missing}."
