/^pickup /s/$/\n  -o content_filter=/
