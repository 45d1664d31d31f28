/^smtp *inet /s/$/\n  -o smtpd_proxy_filter=127.0.0.1:10025/
