/^smtp *inet /s/$/\n  -o content_filter=spamassassin\n2525      inet  n       -       y       -       -       smtpd\n  -o content_filter=scan:[127.0.0.1]:10025/
