"""How much of anything the library takes, so that no file costs more than it is worth.

The size of a file is a setting, `MEDIA_MAX_BYTES`.
"""

MAX_PIXELS = 50_000_000
# A progressive JPEG is decoded once a scan: a small file may ask for thousands.
MAX_SCAN_PIXELS = 2_000_000_000
IMAGES_DECODED_AT_ONCE = 2
# What decoding one may take; a photo of 12 megapixels in any format does not take more. Larger ones
# are judged by their structure: renditions are made of them in a process of its own.
MAX_DECODING_BYTES = 87_000_000
# Chunks, boxes, segments, pages or frames that are walked before a file counts as an attack.
MAX_PARTS = 100_000
# Of a film in fragments, each of which is a dozen.
MAX_FRAGMENT_BOXES = 400_000
MAX_GIF_BLOCKS = 1_000_000
# Entries of a track's tables: of sound, twelve hours have two million.
MAX_SAMPLES = 4_000_000
# Frames of sound without a header of its own that are counted; the rest is estimated by their size.
FRAMES_COUNTED = 20_000
# Seconds of a recording.
MAX_DURATION = 6 * 3600
# What is looked at to tell text from other bytes, and markup from text.
HEAD_BYTES = 64 * 1024
MARKUP_BYTES = 4 * 1024
# The directory of a zip archive, and its list of content types, are held in memory.
MAX_ZIP_READ = 1024 * 1024
# How far from the end a PDF may say that it ends.
PDF_TAIL_BYTES = 2 * 1024
# One object of a PDF, and all of its compressed ones together, that are looked at for its pages.
PDF_OBJECT_BYTES = 1024 * 1024
PDF_INFLATED_BYTES = 32 * 1024 * 1024

MAX_CAPTION = 2_200
MAX_DESCRIPTION = 2_200
MAX_NAME = 255
MAX_FOLDER_NAME = 100
MAX_ERROR = 300
