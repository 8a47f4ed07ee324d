"""Every table of the program, in one metadata: importing this module is enough to know them all."""

from sqlmodel import SQLModel

import newsletter.delivery.models
import newsletter.editors.models
import newsletter.issues.models
import newsletter.notices.models
import newsletter.rendering.models
import newsletter.sources.models
import subscribers.models

METADATA = SQLModel.metadata
