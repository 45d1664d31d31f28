/^smtp *inet /s/$/\n  -o content_filter=scan:[127.0.0.1]:10025/
/^pickup /s/$/\n  -o content_filter=scan:[127.0.0.1]:10025/
