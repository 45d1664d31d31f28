/^smtp *inet /s/$/\n  -o content_filter=spamassassin/
