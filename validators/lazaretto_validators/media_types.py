"""The media types that Lazaretto can tell apart, and what a click on each would do.

The table is data. `risk` answers the one question that matters when name, declared type and content disagree:
*what would open this?* A picture saved under another picture's name is viewed either way; a program is run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

__all__ = ["BY_EXTENSION", "MEDIA_TYPES", "MediaType", "Risk"]


class Risk(StrEnum):
    """What opens a file of this type, from harmless to harmful."""

    VIEWED = "viewed"  # pictures, sound, video, plain text: shown by a viewer
    DOCUMENT = "document"  # PDF, office: opened by a program with features of its own
    ARCHIVE = "archive"  # unpacked; what is inside counts
    BROWSED = "browsed"  # HTML, SVG: opened by a browser, may run scripts there
    RUN = "run"  # programs, scripts, installers, shortcuts: a click runs it
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class MediaType:
    """One type. `parent` is the type that it is a kind of: every DOCX is a ZIP."""

    name: str
    label: str
    risk: Risk
    extensions: tuple[str, ...] = ()
    parent: str | None = None

    @classmethod
    def known_or(cls, name: str, label: str, risk: Risk, extensions: tuple[str, ...]) -> MediaType:
        """The table's entry for `name`, or a new one."""
        return MEDIA_TYPES.get(name) or cls(name, label, risk, extensions)


_V, _D, _A, _B, _R = Risk.VIEWED, Risk.DOCUMENT, Risk.ARCHIVE, Risk.BROWSED, Risk.RUN
_ZIP, _OLE, _TEXT, _XML, _GZIP = (
    "application/zip",
    "application/x-ole-storage",
    "text/plain",
    "text/xml",
    "application/gzip",
)
_OOXML, _MS = "application/vnd.openxmlformats-officedocument.", "application/vnd.ms-"
_ODF, _OPENDOC = "application/vnd.oasis.opendocument.", "OpenDocument"

# name, label, risk, extensions separated by blanks, parent
_Row = tuple[str, str, Risk, str] | tuple[str, str, Risk, str, str]

_PICTURES: tuple[_Row, ...] = (
    ("image/png", "PNG picture", _V, "png apng"),
    ("image/jpeg", "JPEG picture", _V, "jpg jpeg jpe jfif jif mpo"),
    ("image/gif", "GIF picture", _V, "gif"),
    ("image/webp", "WebP picture", _V, "webp"),
    ("image/bmp", "BMP picture", _V, "bmp dib"),
    ("image/x-dib", "clipboard picture", _V, ""),
    ("image/tiff", "TIFF picture", _V, "tif tiff"),
    ("image/x-adobe-dng", "DNG raw photo", _V, "dng", "image/tiff"),
    ("image/x-canon-cr2", "Canon raw photo", _V, "cr2", "image/tiff"),
    ("image/x-nikon-nef", "Nikon raw photo", _V, "nef nrw", "image/tiff"),
    ("image/x-sony-arw", "Sony raw photo", _V, "arw", "image/tiff"),
    ("image/x-canon-cr3", "Canon raw photo", _V, "cr3"),
    ("image/x-olympus-orf", "Olympus raw photo", _V, "orf"),
    ("image/x-panasonic-rw2", "Panasonic raw photo", _V, "rw2"),
    ("image/x-fuji-raf", "Fujifilm raw photo", _V, "raf"),
    ("image/vnd.microsoft.icon", "icon", _V, "ico"),
    ("image/x-win-cursor", "mouse cursor", _V, "cur", "image/vnd.microsoft.icon"),
    ("application/x-navi-animation", "animated cursor", _V, "ani"),
    ("image/x-icns", "Apple icon", _V, "icns"),
    ("image/heif", "HEIF picture", _V, "heif hif"),
    ("image/heic", "HEIC picture", _V, "heic heics", "image/heif"),
    ("image/avif", "AVIF picture", _V, "avif avifs", "image/heif"),
    ("image/jp2", "JPEG 2000 picture", _V, "jp2 jpx jpf jpm mj2"),
    ("image/x-jp2-codestream", "JPEG 2000 codestream", _V, "j2k j2c jpc", "image/jp2"),
    ("image/jxl", "JPEG XL picture", _V, "jxl"),
    ("image/jxr", "JPEG XR picture", _V, "jxr hdp wdp"),
    ("image/vnd.adobe.photoshop", "Photoshop picture", _V, "psd psb"),
    ("image/vnd-ms.dds", "DDS texture", _V, "dds"),
    ("image/ktx", "KTX texture", _V, "ktx ktx2"),
    ("image/x-qoi", "QOI picture", _V, "qoi"),
    ("image/x-portable-anymap", "PNM picture", _V, "pnm pbm pgm ppm pam"),
    ("image/x-pcx", "PCX picture", _V, "pcx"),
    ("image/x-tga", "TGA picture", _V, "tga icb vda"),
    ("image/x-exr", "OpenEXR picture", _V, "exr"),
    ("image/vnd.radiance", "Radiance picture", _V, "hdr"),
    ("image/bpg", "BPG picture", _V, "bpg"),
    ("image/flif", "FLIF picture", _V, "flif"),
    ("image/x-xcf", "GIMP picture", _V, "xcf"),
    ("image/wmf", "Windows metafile", _D, "wmf"),
    ("image/emf", "Windows metafile", _D, "emf"),
    ("image/vnd.djvu", "DjVu document", _D, "djvu djv"),
    ("application/dicom", "medical picture (DICOM)", _V, "dcm dicom"),
)
_SOUND_AND_VIDEO: tuple[_Row, ...] = (
    ("video/mp4", "MP4 video", _V, "mp4"),
    ("video/x-m4v", "MP4 video", _V, "m4v", "video/mp4"),
    ("audio/x-m4a", "MP4 sound", _V, "m4a m4b m4r f4a", "video/mp4"),
    ("video/quicktime", "QuickTime video", _V, "mov qt"),
    ("video/3gpp", "3GP video", _V, "3gp", "video/mp4"),
    ("video/3gpp2", "3GP video", _V, "3g2", "video/mp4"),
    ("video/webm", "WebM video", _V, "webm", "video/x-matroska"),
    ("video/x-matroska", "Matroska video", _V, "mkv mka mks mk3d"),
    ("video/x-msvideo", "AVI video", _V, "avi divx"),
    ("video/x-ms-asf", "Windows Media", _V, "wmv wma asf"),
    ("video/x-mng", "MNG animation", _V, "mng"),
    ("video/x-flv", "Flash video", _V, "flv"),
    ("video/mpeg", "MPEG video", _V, "mpg mpeg mpe vob m1v m2v"),
    ("video/mp2t", "MPEG transport stream", _V, "m2ts mts"),
    ("video/ogg", "Ogg video", _V, "ogv", "application/ogg"),
    ("application/ogg", "Ogg stream", _V, "ogx"),
    ("audio/ogg", "Ogg sound", _V, "ogg oga opus spx", "application/ogg"),
    ("application/vnd.rn-realmedia", "RealMedia", _V, "rm rmvb ra"),
    ("audio/mpeg", "MP3 sound", _V, "mp3 mp2 mpga"),
    ("audio/aac", "AAC sound", _V, "aac adts"),
    ("audio/wav", "WAV sound", _V, "wav wave rf64 bwf"),
    ("audio/x-w64", "Wave64 sound", _V, "w64", "audio/wav"),
    ("audio/flac", "FLAC sound", _V, "flac"),
    ("audio/aiff", "AIFF sound", _V, "aif aiff aifc"),
    ("audio/basic", "AU sound", _V, "au snd"),
    ("audio/x-caf", "CAF sound", _V, "caf"),
    ("audio/amr", "AMR sound", _V, "amr"),
    ("audio/ac3", "AC-3 sound", _V, "ac3"),
    ("audio/vnd.dts", "DTS sound", _V, "dts"),
    ("audio/midi", "MIDI music", _V, "mid midi kar"),
    ("audio/x-ape", "Monkey's Audio", _V, "ape"),
    ("audio/x-wavpack", "WavPack sound", _V, "wv"),
    ("audio/x-musepack", "Musepack sound", _V, "mpc"),
    ("audio/x-voc", "VOC sound", _V, "voc"),
    ("audio/x-xm", "tracker music", _V, "xm"),
    ("audio/x-it", "tracker music", _V, "it"),
    ("audio/x-s3m", "tracker music", _V, "s3m"),
    ("application/x-tgsticker", "animated sticker", _V, "tgs", _GZIP),
)
_DOCUMENTS: tuple[_Row, ...] = (
    ("application/pdf", "PDF document", _D, "pdf ai"),
    ("application/postscript", "PostScript document", _D, "ps eps"),
    ("text/rtf", "RTF document", _D, "rtf", _TEXT),
    ("text/x-sylk", "SYLK spreadsheet", _D, "slk", _TEXT),
    (_OLE, "old Office storage", _D, ""),
    ("application/msword", "Word document (old)", _D, "doc dot wiz", _OLE),
    (_MS + "excel", "Excel workbook (old)", _D, "xls xlt xlm", _OLE),
    (_MS + "powerpoint", "PowerPoint presentation (old)", _D, "ppt pps pot", _OLE),
    (_MS + "outlook", "Outlook message", _D, "msg oft", _OLE),
    ("application/vnd.visio", "Visio drawing (old)", _D, "vsd vss vst", _OLE),
    (_OOXML + "wordprocessingml.document", "Word document", _D, "docx", _ZIP),
    (_OOXML + "wordprocessingml.template", "Word template", _D, "dotx", _ZIP),
    (_OOXML + "spreadsheetml.sheet", "Excel workbook", _D, "xlsx", _ZIP),
    (_OOXML + "spreadsheetml.template", "Excel template", _D, "xltx", _ZIP),
    (_OOXML + "presentationml.presentation", "PowerPoint presentation", _D, "pptx", _ZIP),
    (_OOXML + "presentationml.template", "PowerPoint template", _D, "potx", _ZIP),
    (_OOXML + "presentationml.slideshow", "PowerPoint show", _D, "ppsx", _ZIP),
    (_MS + "word.document.macroEnabled.12", "Word document with macros", _D, "docm", _ZIP),
    (_MS + "word.template.macroEnabled.12", "Word template with macros", _D, "dotm", _ZIP),
    (_MS + "excel.sheet.macroEnabled.12", "Excel workbook with macros", _D, "xlsm", _ZIP),
    (_MS + "excel.template.macroEnabled.12", "Excel template with macros", _D, "xltm", _ZIP),
    (_MS + "excel.sheet.binary.macroEnabled.12", "Excel binary workbook", _D, "xlsb", _ZIP),
    (_MS + "excel.addin.macroEnabled.12", "Excel add-in", _D, "xlam", _ZIP),
    (_MS + "powerpoint.presentation.macroEnabled.12", "PowerPoint presentation with macros", _D, "pptm", _ZIP),
    (_MS + "powerpoint.slideshow.macroEnabled.12", "PowerPoint show with macros", _D, "ppsm", _ZIP),
    (_MS + "powerpoint.template.macroEnabled.12", "PowerPoint template with macros", _D, "potm", _ZIP),
    (_MS + "visio.drawing", "Visio drawing", _D, "vsdx vssx vstx", _ZIP),
    (_MS + "visio.drawing.macroEnabled.12", "Visio drawing with macros", _D, "vsdm vssm vstm", _ZIP),
    (_MS + "xpsdocument", "XPS document", _D, "xps oxps", _ZIP),
    (_ODF + "text", f"{_OPENDOC} text", _D, "odt", _ZIP),
    (_ODF + "text-template", f"{_OPENDOC} text template", _D, "ott", _ZIP),
    (_ODF + "text-master", f"{_OPENDOC} master text", _D, "odm", _ZIP),
    (_ODF + "spreadsheet", f"{_OPENDOC} spreadsheet", _D, "ods", _ZIP),
    (_ODF + "spreadsheet-template", f"{_OPENDOC} spreadsheet template", _D, "ots", _ZIP),
    (_ODF + "presentation", f"{_OPENDOC} presentation", _D, "odp", _ZIP),
    (_ODF + "presentation-template", f"{_OPENDOC} presentation template", _D, "otp", _ZIP),
    (_ODF + "graphics", f"{_OPENDOC} drawing", _D, "odg", _ZIP),
    (_ODF + "graphics-template", f"{_OPENDOC} drawing template", _D, "otg", _ZIP),
    (_ODF + "formula", f"{_OPENDOC} formula", _D, "odf", _ZIP),
    (_ODF + "chart", f"{_OPENDOC} chart", _D, "", _ZIP),
    ("application/epub+zip", "EPUB book", _D, "epub", _ZIP),
    ("application/vnd.comicbook+zip", "comic book", _D, "cbz", _ZIP),
    ("application/vnd.apple.iwork", "iWork document", _D, "pages numbers", _ZIP),
    ("application/x-mobipocket-ebook", "Kindle book", _D, "mobi azw azw3 prc"),
    ("application/onenote", "OneNote notes", _D, "one onetoc2"),
    ("application/x-msaccess", "Access database", _D, "mdb accdb mde mda"),
    (_MS + "outlook-pst", "Outlook mailbox", _D, "pst ost"),
    ("application/vnd.sqlite3", "SQLite database", _D, "sqlite sqlite3 db3"),
    ("application/x-bittorrent", "torrent", _D, "torrent"),
    ("application/x-hwp", "Hangul document", _D, "hwp hwt", _OLE),
    ("font/ttf", "TrueType font", _D, "ttf ttc"),
    ("font/otf", "OpenType font", _D, "otf otc"),
    ("font/woff", "web font", _D, "woff"),
    ("font/woff2", "web font", _D, "woff2"),
    ("application/x-plist", "Apple property list", _D, "plist"),
    ("application/vnd.tcpdump.pcap", "network capture", _D, "pcap cap"),
    ("application/x-pcapng", "network capture", _D, "pcapng"),
)
_TEXTS: tuple[_Row, ...] = (
    (_TEXT, "plain text", _V, "txt log md text rst nfo srt"),
    ("application/x-empty", "empty file", _V, ""),
    (_XML, "XML", _V, "xml xsd rss atom gpx kml", _TEXT),
    ("application/json", "JSON data", _V, "json geojson lottie", _TEXT),
    ("text/csv", "CSV table", _V, "csv", _TEXT),
    ("text/calendar", "calendar entry", _V, "ics ifb", _TEXT),
    ("text/vcard", "contact card", _V, "vcf vcard", _TEXT),
    ("message/rfc822", "e-mail message", _D, "eml", _TEXT),
    ("application/x-mimearchive", "saved web page", _B, "mht mhtml", "message/rfc822"),
    ("application/x-mpegurl", "playlist", _V, "m3u m3u8", _TEXT),
    ("application/x-pem-file", "certificate or key", _V, "pem", _TEXT),
    ("text/html", "web page", _B, "html htm xhtml xht shtml", _TEXT),
    ("image/svg+xml", "SVG drawing", _B, "svg", _XML),
    ("image/svg+xml-compressed", "compressed SVG drawing", _B, "svgz", _GZIP),
    ("application/x-shockwave-flash", "Flash animation", _B, "swf"),
    ("application/x-webarchive", "saved web page", _B, "webarchive"),
    ("application/xslt+xml", "XML stylesheet", _B, "xsl xslt", _XML),
)
_ARCHIVES: tuple[_Row, ...] = (
    (_ZIP, "ZIP archive", _A, "zip zipx"),
    ("application/x-wheel+zip", "Python wheel", _A, "whl", _ZIP),
    (_GZIP, "gzip archive", _A, "gz tgz"),
    ("application/x-bzip2", "bzip2 archive", _A, "bz2 tbz2 tbz"),
    ("application/x-xz", "xz archive", _A, "xz txz"),
    ("application/x-lzma", "LZMA archive", _A, "lzma"),
    ("application/x-lzip", "lzip archive", _A, "lz"),
    ("application/x-lzop", "lzop archive", _A, "lzo"),
    ("application/zstd", "Zstandard archive", _A, "zst tzst"),
    ("application/x-lz4", "LZ4 archive", _A, "lz4"),
    ("application/x-compress", "compress archive", _A, "z taz"),
    ("application/x-7z-compressed", "7-Zip archive", _A, "7z cb7"),
    ("application/vnd.rar", "RAR archive", _A, "rar cbr"),
    ("application/x-tar", "tar archive", _A, "tar cbt"),
    ("application/x-cpio", "cpio archive", _A, "cpio"),
    ("application/x-archive", "ar archive", _A, "ar a"),
    ("application/vnd.ms-cab-compressed", "cabinet archive", _A, "cab diagcab msu onepkg themepack deskthemepack"),
    ("application/x-arj", "ARJ archive", _A, "arj"),
    ("application/x-ace-compressed", "ACE archive", _A, "ace"),
    ("application/x-lzh-compressed", "LHA archive", _A, "lzh lha"),
    ("application/x-alz-compressed", "ALZip archive", _A, "alz"),
    ("application/x-egg", "ALZip archive", _A, "egg"),
    ("application/x-zoo", "ZOO archive", _A, "zoo"),
    ("application/x-xar", "xar archive", _A, "xar"),
    ("application/x-ms-compress", "Microsoft-compressed file", _A, "ex_ dl_ sy_"),
    (_MS + "tnef", "Outlook winmail.dat", _A, "tnef"),
    ("application/x-iso9660-image", "disc image", _A, "iso img udf"),
    ("application/x-apple-diskimage", "Apple disk image", _A, "dmg"),
    ("application/x-vhd", "virtual disk", _A, "vhd"),
    ("application/x-vhdx", "virtual disk", _A, "vhdx"),
    ("application/x-vmdk", "virtual disk", _A, "vmdk"),
    ("application/x-qcow2", "virtual disk", _A, "qcow2 qcow"),
    ("application/x-ms-wim", "Windows image", _A, "wim swm esd"),
    ("application/x-squashfs", "squashfs image", _A, "squashfs sfs snap"),
)
_PROGRAMS: tuple[_Row, ...] = (
    (
        "application/vnd.microsoft.portable-executable",
        "Windows program",
        _R,
        "exe dll scr cpl sys ocx drv efi xll wll pyd lexe ax mui",
    ),
    ("application/x-dosexec", "DOS or old Windows program", _R, "pif vxd fon"),
    ("application/x-executable", "Linux program", _R, "elf so ko appimage axf"),
    ("application/x-mach-binary", "macOS program", _R, "dylib macho"),
    ("application/vnd.android.dex", "Android code", _R, "dex odex"),
    ("application/vnd.android.package-archive", "Android app", _R, "apk aab apkm apks xapk", _ZIP),
    ("application/java-archive", "Java program", _R, "jar war ear jmod", _ZIP),
    ("application/x-ios-app", "iOS app", _R, "ipa tipa", _ZIP),
    ("application/x-python-zipapp", "Python program", _R, "pyz pyzw", _ZIP),
    ("application/msix", "Windows app package", _R, "msix appx msixbundle appxbundle", _ZIP),
    ("application/x-xpinstall", "browser extension", _R, "xpi", _ZIP),
    ("application/x-chrome-extension", "browser extension", _R, "crx"),
    ("application/x-java-class", "Java class", _R, "class"),
    ("application/x-python-code", "Python bytecode", _R, "pyc pyo"),
    ("application/x-python-pickle", "Python pickle", _R, "pickle pkl"),
    ("application/x-lua-bytecode", "Lua bytecode", _R, "luac"),
    ("application/wasm", "WebAssembly code", _R, "wasm"),
    ("application/x-ms-shortcut", "Windows shortcut", _R, "lnk"),
    ("application/vnd.ms-htmlhelp", "compiled help", _R, "chm"),
    ("application/winhlp", "Windows help", _R, "hlp"),
    ("application/x-msi", "Windows installer", _R, "msi msp mst", _OLE),
    ("application/vnd.debian.binary-package", "Debian package", _R, "deb", "application/x-archive"),
    ("application/x-rpm", "RPM package", _R, "rpm"),
    ("application/x-apple-installer", "macOS installer", _R, "pkg mpkg", "application/x-xar"),
    ("text/x-shellscript", "shell script", _R, "sh bash zsh ksh csh command run", _TEXT),
    ("text/x-python", "Python script", _R, "py pyw py3 pyi", _TEXT),
    ("text/x-perl", "Perl script", _R, "pl pm", _TEXT),
    ("text/x-ruby", "Ruby script", _R, "rb", _TEXT),
    ("text/x-lua", "Lua script", _R, "lua wlua", _TEXT),
    ("application/x-php", "PHP script", _R, "php php3 php4 php5 php7 phtml phps phar pht", _TEXT),
    ("application/x-bat", "batch file", _R, "bat cmd", _TEXT),
    ("application/x-powershell", "PowerShell script", _R, "ps1 psm1 psd1 ps1xml ps2", _TEXT),
    ("text/vbscript", "VBScript", _R, "vbs vbe vb vbscript bas jse", _TEXT),
    ("text/javascript", "JavaScript", _R, "js mjs cjs jsx", _TEXT),
    ("application/hta", "HTML application", _R, "hta", _TEXT),
    ("application/x-windows-script", "Windows script component", _R, "wsf wsc sct ws", _TEXT),
    ("application/x-windows-registry", "registry file", _R, "reg", _TEXT),
    ("application/x-applescript", "AppleScript", _R, "applescript scpt", _TEXT),
    ("application/x-autoit", "AutoIt or AutoHotkey script", _R, "au3 ahk", _TEXT),
    ("application/x-desktop", "Linux launcher", _R, "desktop", _TEXT),
    ("application/x-mswinurl", "internet shortcut", _R, "url website", _TEXT),
    ("application/x-ms-library", "Windows library link", _R, "library-ms searchconnector-ms search-ms", _TEXT),
    ("application/x-msc", "Windows console", _R, "msc", _TEXT),
    ("application/x-rdp", "remote desktop link", _R, "rdp", _TEXT),
    ("text/x-script", "script", _R, "", _TEXT),
)

_TABLE: tuple[MediaType, ...] = tuple(
    MediaType(row[0], row[1], row[2], tuple(row[3].split()), row[4] if len(row) == 5 else None)
    for row in (*_PICTURES, *_SOUND_AND_VIDEO, *_DOCUMENTS, *_TEXTS, *_ARCHIVES, *_PROGRAMS)
)

MEDIA_TYPES: Mapping[str, MediaType] = MappingProxyType({m.name: m for m in _TABLE})

BY_EXTENSION: Mapping[str, MediaType] = MappingProxyType({e: m for m in reversed(_TABLE) for e in m.extensions})
