"""The table [preflight]: how grave each rule's finding is. What the rules look for says `rendering.preflight`."""

from typing import Literal

from pydantic import ConfigDict

from newsletter.config.section import Section

RuleLevel = Literal["block", "warn", "note", "off"]


class Preflight(Section):
    """One key a rule, with hyphens as in its findings, and its level; and who looks outside the project."""

    model_config = ConfigDict(alias_generator=lambda name: name.replace("_", "-"))

    look_outside: Literal["check", "approve", "never"] = "check"

    unsubscribe_link: RuleLevel = "block"
    postal_address: RuleLevel = "block"
    headers: RuleLevel = "block"
    parts: RuleLevel = "block"
    text_part: RuleLevel = "block"
    text_links: RuleLevel = "warn"
    unresolved_mark: RuleLevel = "block"
    template_syntax: RuleLevel = "block"
    template_words: RuleLevel = "warn"
    size: RuleLevel = "block"
    size_near: RuleLevel = "warn"
    own_links: RuleLevel = "warn"
    own_machine: RuleLevel = "note"
    https: RuleLevel = "note"
    private_link: RuleLevel = "warn"
    dead_link: RuleLevel = "warn"
    picture_alt: RuleLevel = "warn"
    picture_size: RuleLevel = "warn"
    picture_weight: RuleLevel = "warn"
    picture_missing: RuleLevel = "block"
    picture_lost: RuleLevel = "note"
    contrast: RuleLevel = "warn"
    contrast_dark: RuleLevel = "warn"
    client_support: RuleLevel = "warn"
    link_words: RuleLevel = "warn"
    headings: RuleLevel = "warn"
    subject_missing: RuleLevel = "block"
    subject_length: RuleLevel = "warn"
    preheader_missing: RuleLevel = "warn"
    preheader_length: RuleLevel = "note"
    yesterdays_subject: RuleLevel = "warn"
    repeated_story: RuleLevel = "warn"
    too_few: RuleLevel = "block"
    spam_score: RuleLevel = "warn"
    not_looked: RuleLevel = "note"

    def level(self, rule: str) -> RuleLevel:
        """The level of the rule of that name ("link-words")."""
        found: RuleLevel = getattr(self, rule.replace("-", "_"))
        return found
