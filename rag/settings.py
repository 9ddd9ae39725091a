"""All settings, and the sources of their values: `embed.device` is MAGPIE_EMBED__DEVICE, or `device` in `[embed]`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import platformdirs
from pydantic import Field
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from rag.setting_groups import (
    AnswerSettings,
    CaptionSettings,
    EmbedSettings,
    Group,
    KeepSettings,
    LogSettings,
    PageImageSettings,
    ReadSettings,
    RerankSettings,
    SearchSettings,
    ServeSettings,
    StoreSettings,
    TextSettings,
    WebSettings,
)
from rag.setting_names import PREFIX, with_new_names


class RenamedEnvironment(EnvSettingsSource):
    """The environment, in which variables of renamed settings are read under their new names."""

    def __init__(self, settings: type[BaseSettings]) -> None:
        super().__init__(settings)
        self.env_vars = {name.lower(): value for name, value in with_new_names(self.env_vars)[0].items()}

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """Leave lists to their groups, which split them at commas: they are not JSON."""
        return value if field.annotation == tuple[str, ...] else super().decode_complex_value(field_name, field, value)


class Settings(BaseSettings):
    """All settings of rag."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        nested_model_default_partial_update=True,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del env_settings  # replaced by one that knows old names
        return init_settings, RenamedEnvironment(settings_cls), dotenv_settings, file_secret_settings

    data: Path = Field(
        default_factory=lambda: default_data(),
        description="Folder for all data. Default: the user data folder of your system.",
    )
    read: ReadSettings = ReadSettings()
    web: WebSettings = WebSettings()
    keep: KeepSettings = KeepSettings()
    embed: EmbedSettings = EmbedSettings()
    serve: ServeSettings = ServeSettings()
    text: TextSettings = TextSettings()
    rerank: RerankSettings = RerankSettings()
    page_images: PageImageSettings = PageImageSettings()
    store: StoreSettings = StoreSettings()
    search: SearchSettings = SearchSettings()
    answer: AnswerSettings = AnswerSettings()
    caption: CaptionSettings = CaptionSettings()
    log: LogSettings = LogSettings()


def default_data() -> Path:
    """Return the user data folder of this system."""
    return Path(platformdirs.user_data_dir("magpie", appauthor=False))


def setting_descriptions() -> dict[str, str]:
    """Return the description of every setting by its name (`group.name`), in order."""
    found: dict[str, str] = {}
    for name, info in Settings.model_fields.items():
        group = info.annotation
        if isinstance(group, type) and issubclass(group, Group):
            found |= {f"{name}.{key}": inner.description or "" for key, inner in group.model_fields.items()}
        else:
            found[name] = info.description or ""
    return found
