"""Worker processes that belong together: who they are, and what they tell each other through a private directory."""

from csg_otel.siblings.family import Family, family
from csg_otel.siblings.folder import Finished, Folder, FolderError, Publication, state_folder

__all__ = ["Family", "Finished", "Folder", "FolderError", "Publication", "family", "state_folder"]
