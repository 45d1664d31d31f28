/^smtp *inet /s/$/\n  -o content_filter=spamassassin\n  -o receive_override_options=no_address_mappings/
