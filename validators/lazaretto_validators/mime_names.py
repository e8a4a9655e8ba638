"""Which type does a MIME declaration mean? The same type goes by many names."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from lazaretto_validators.media_types import MEDIA_TYPES, MediaType

__all__ = ["ALIASES", "by_name"]

ALIASES: Mapping[str, str] = MappingProxyType(
    {
        alias: name
        for name, aliases in (
            ("image/png", "image/x-png image/apng image/vnd.mozilla.apng"),
            ("image/jpeg", "image/jpg image/pjpeg"),
            ("image/bmp", "image/x-bmp image/x-ms-bmp"),
            ("image/vnd.microsoft.icon", "image/x-icon image/ico"),
            ("image/heic", "image/heic-sequence"),
            ("image/heif", "image/heif-sequence"),
            ("image/avif", "image/avif-sequence"),
            ("image/vnd.adobe.photoshop", "image/x-photoshop application/x-photoshop image/psd"),
            (
                "image/x-portable-anymap",
                "image/x-portable-bitmap image/x-portable-graymap image/x-portable-pixmap "
                "image/x-portable-arbitrarymap",
            ),
            ("image/x-tga", "image/x-targa image/tga"),
            ("image/x-qoi", "image/qoi"),
            ("image/jp2", "image/jpx image/jpm video/mj2"),
            ("video/mp4", "application/mp4 video/x-mp4"),
            ("audio/x-m4a", "audio/mp4 audio/m4a audio/mp4a-latm audio/x-m4b"),
            ("video/3gpp", "audio/3gpp"),
            ("video/3gpp2", "audio/3gpp2"),
            ("video/webm", "audio/webm"),
            ("video/x-matroska", "audio/x-matroska video/matroska"),
            ("video/x-msvideo", "video/avi video/msvideo"),
            ("video/x-ms-asf", "video/x-ms-wmv audio/x-ms-wma application/vnd.ms-asf"),
            ("video/x-flv", "video/flv"),
            ("audio/mpeg", "audio/mp3 audio/x-mp3 audio/x-mpeg audio/mpeg3"),
            ("audio/aac", "audio/x-aac audio/aacp audio/x-hx-aac-adts audio/vnd.dlna.adts"),
            ("audio/wav", "audio/x-wav audio/wave audio/vnd.wave"),
            ("audio/flac", "audio/x-flac"),
            ("audio/ogg", "audio/opus audio/vorbis audio/speex audio/x-vorbis+ogg audio/x-opus+ogg"),
            ("audio/aiff", "audio/x-aiff"),
            ("audio/midi", "audio/x-midi audio/mid"),
            ("audio/ac3", "audio/vnd.dolby.dd-raw audio/x-ac3"),
            ("application/pdf", "application/x-pdf application/illustrator"),
            ("text/rtf", "application/rtf"),
            ("text/xml", "application/xml"),
            ("text/html", "application/xhtml+xml"),
            ("application/x-mimearchive", "multipart/related"),
            ("text/csv", "text/comma-separated-values application/csv"),
            ("text/vcard", "text/x-vcard text/directory"),
            ("application/x-mpegurl", "audio/x-mpegurl application/vnd.apple.mpegurl audio/mpegurl"),
            ("application/zip", "application/x-zip-compressed application/x-zip"),
            ("application/gzip", "application/x-gzip application/x-tgz application/x-gtar-compressed"),
            ("application/x-bzip2", "application/x-bzip application/bzip2"),
            ("application/zstd", "application/x-zstd"),
            ("application/vnd.rar", "application/x-rar application/x-rar-compressed application/rar"),
            ("application/x-iso9660-image", "application/x-cd-image application/x-raw-disk-image"),
            ("application/x-apple-diskimage", "application/x-dmg"),
            ("application/x-ole-storage", "application/x-cfb"),
            (
                "application/vnd.microsoft.portable-executable",
                "application/x-msdownload application/x-msdos-program application/x-ms-dos-executable application/exe",
            ),
            ("application/x-executable", "application/x-elf application/x-sharedlib application/x-pie-executable"),
            ("application/java-archive", "application/x-java-archive application/x-jar"),
            ("application/x-msi", "application/x-ms-installer"),
            ("application/vnd.debian.binary-package", "application/x-debian-package application/x-deb"),
            ("application/x-rpm", "application/x-redhat-package-manager"),
            ("application/x-shockwave-flash", "application/vnd.adobe.flash.movie"),
            ("application/x-ms-shortcut", "application/x-mslnk"),
            ("text/x-shellscript", "application/x-sh application/x-shellscript text/x-sh"),
            ("text/x-python", "text/x-script.python application/x-python"),
            ("text/x-perl", "application/x-perl"),
            ("text/x-ruby", "application/x-ruby"),
            ("application/x-php", "text/x-php application/php text/php"),
            ("text/javascript", "application/javascript application/x-javascript application/ecmascript"),
            ("text/vbscript", "text/vbs application/x-vbs"),
            ("application/x-bat", "text/x-msdos-batch application/bat"),
            ("application/x-powershell", "text/x-powershell"),
        )
        for alias in aliases.split()
    }
)
"""Other names in use for a type of ours, from the IANA registry, shared-mime-info and libmagic."""


def by_name(name: str) -> MediaType | None:
    """The type that a MIME declaration means: parameters dropped, aliases resolved. None for one unknown to us."""
    essence = name.partition(";")[0].strip().lower()
    return MEDIA_TYPES.get(ALIASES.get(essence, essence)) or _BY_FOLDED_NAME.get(essence)


_BY_FOLDED_NAME = {name.lower(): media_type for name, media_type in MEDIA_TYPES.items()}  # macroEnabled has a capital
