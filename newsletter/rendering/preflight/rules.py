"""The rules, one line each: the name that findings and config use, what it looks for, and the function that looks.

How grave a finding is stands in the config's [preflight]; docs/editors.md has this table for editors, with the levels.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from newsletter.rendering.preflight import (
    addresses,
    clients,
    contrast,
    duties,
    marks,
    outside,
    pictures,
    words,
)
from newsletter.rendering.preflight.findings import Case, Fault


@dataclass(frozen=True)
class Rule:
    """`looks_for` and `advice` are for editors; `look` finds the faults."""

    name: str
    look: Callable[[Case], Iterable[Fault]]
    looks_for: str
    advice: str


RULES = (
    Rule("unsubscribe-link", duties.unsubscribe_link, "A part without a link to unsubscribe",
         "Put `{{ unsubscribe_url }}` back into the template"),
    Rule("postal-address", duties.postal_address, "A part without the postal address",
         "Set `site.postal_address`, and put `{{ issue.postal_address }}` back into the template"),
    Rule("headers", duties.headers, "A header that mailbox providers demand is missing, doubled or malformed",
         "Report it: headers are our work, not yours"),
    Rule("parts", duties.parts, "The body is not a text part followed by an HTML part", "Report it"),
    Rule("text-part", duties.text_part, "The text part is empty", "Correct the design’s `.txt` template"),
    Rule("text-links", duties.text_links, "Links of the HTML that the text part lacks",
         "Name them in the `.txt` template"),
    Rule("unresolved-mark", marks.unresolved_mark, "A mark that no reader’s link will replace",
         "Take it out of the template"),
    Rule("template-syntax", marks.template_syntax, "`{{ … }}` and its kin, left over by a template",
         "Correct the template"),
    Rule("template-words", marks.template_words, "The same in an article’s own words", "Edit or drop it, if not meant"),
    Rule("size", marks.size, "HTML over 100 kB as it is sent; Gmail cuts at about 102 kB", "Drop or shorten stories"),
    Rule("size-near", marks.size_near, "HTML over 90 kB", "The same, before it is too late"),
    Rule("own-links", addresses.own_links, "Links to our own site that are not https", "Set `site.url` to https"),
    Rule("own-machine", addresses.own_machine, "Links that lead to this very machine",
         "Set `site.url` before real readers come"),
    Rule("https", addresses.https, "Links to other sites that are not https", "Use https where they have it"),
    Rule("private-link", addresses.private_link, "Links into a private network",
         "Mend them, or name the network in `collecting.private_networks`"),
    Rule("dead-link", outside.dead_link, "Pages and pictures of others that are not there",
         "Mend the link, or drop the story"),
    Rule("picture-alt", pictures.picture_alt, "Pictures without words", "Say what they show"),
    Rule("picture-size", pictures.picture_size, "Pictures without width or height", "Give both in the template"),
    Rule("picture-weight", pictures.picture_weight, "A picture over 300 kB, or all of them over 1.5 MB",
         "Take smaller ones"),
    Rule("picture-missing", pictures.picture_missing, "A picture of ours that is not in `site.media_dir`",
         "Draft the issue again"),
    Rule("picture-lost", pictures.picture_lost, "A picture that could not be had, so its story goes without",
         "Draft again, or give it another one"),
    Rule("contrast", contrast.contrast, "Words too pale to read, by day or in the mail’s own night",
         "Choose a darker or lighter colour"),
    Rule("contrast-dark", contrast.contrast_dark, "Words that drown where a mail program darkens the mail by itself",
         "Choose colours further apart"),
    Rule("client-support", clients.client_support, "HTML and CSS that Gmail, Outlook, Apple Mail or Yahoo lacks",
         "Write it another way, or put it into `@media` as an extra"),
    Rule("link-words", words.link_words, "Links whose words say nothing, such as “click here”", "Say where they lead"),
    Rule("headings", words.headings, "Headings that are empty or say nothing", "Write them, or take them out"),
    Rule("subject-missing", words.subject_missing, "No subject", "Write one"),
    Rule("subject-length", words.subject_length, "A subject over 90 characters; inboxes show 35 to 55", "Shorten it"),
    Rule("preheader-missing", words.preheader_missing, "No preheader, the line after the subject", "Write one"),
    Rule("preheader-length", words.preheader_length, "A preheader under 40 or over 150 characters", "Aim at 80 to 110"),
    Rule("yesterdays-subject", words.yesterdays_subject, "The subject of the issue before", "Write a new one"),
    Rule("repeated-story", words.repeated_story, "A story told twice, or told in the issue before", "Drop one"),
    Rule("too-few", words.too_few, "Fewer stories than `min_articles`", "Add some, or lower `min_articles`"),
    Rule("spam-score", outside.spam_score, "SpamAssassin gives the mail 2 points or more; 5 are spam",
         "Look at the tests that it names"),
    Rule("not-looked", outside.not_looked, "What could not be looked at: no SpamAssassin, no network",
         "Install it, mend the network, or leave it"),
)  # fmt: skip
