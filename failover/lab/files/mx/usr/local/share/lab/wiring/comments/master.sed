/^pickup /s/$/\n# what comes back is scanned already\n  -o content_filter=/
