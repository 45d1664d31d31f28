/^smtp *inet /s/$/\n  -o content_filter=spamfilter/
