/^pickup /s/$/\n  -o content_filter=\n  -o receive_override_options=no_header_body_checks/
