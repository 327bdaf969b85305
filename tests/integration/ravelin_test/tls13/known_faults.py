"""What the server does otherwise than the tests ask: by file and test, and what comes instead.

Such a test must fail (conftest.py marks it so). As soon as it passes, its line here has to go.
"""

KNOWN_FAULTS = {
    "test_tls13_alerts.py": {
        "test_an_alert_between_the_pieces_of_a_message": (
            "close_notify (application, level 1) came instead of unexpected_message"
        ),
        "test_an_alert_in_pieces[in the handshake]": (
            "the end (FIN) came instead of the alert decode_error or unexpected_message"
        ),
        "test_errors_before_the_keys[255]": (
            "the alert unexpected_message (application, level 2) came instead of the end"
        ),
        "test_errors_before_the_keys[decode_error]": (
            "the alert unexpected_message (application, level 2) came instead of the end"
        ),
        "test_errors_before_the_keys[illegal_parameter]": (
            "the alert unexpected_message (application, level 2) came instead of the end"
        ),
        "test_errors_before_the_keys[protocol_version]": (
            "the alert unexpected_message (application, level 2) came instead of the end"
        ),
        "test_errors_before_the_keys[unknown_ca]": (
            "the alert unexpected_message (application, level 2) came instead of the end"
        ),
        "test_errors_that_are_not_sealed_after_the_flight[255]": (
            "the alert unexpected_message (application, level 2) came instead of the end"
        ),
        "test_errors_that_are_not_sealed_after_the_flight[decode_error]": (
            "the alert unexpected_message (application, level 2) came instead of the end"
        ),
        "test_errors_that_are_not_sealed_after_the_flight[illegal_parameter]": (
            "the alert unexpected_message (application, level 2) came instead of the end"
        ),
        "test_errors_that_are_not_sealed_after_the_flight[protocol_version]": (
            "the alert unexpected_message (application, level 2) came instead of the end"
        ),
        "test_errors_that_are_not_sealed_after_the_flight[unknown_ca]": (
            "the alert unexpected_message (application, level 2) came instead of the end"
        ),
        "test_it_is_a_single_1[empty-in the handshake]": "the end (FIN) came instead of the alert unexpected_message",
        "test_it_is_a_single_1_also_before_the_second_hello[empty]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_it_may_come_in_every_place_of_a_retried_handshake": (
            "the alert illegal_parameter (plain, level 2) came instead of the server's flight"
        ),
        "test_it_may_come_several_times[False-2]": "illegal_parameter (application, level 2) came instead of data",
        "test_it_may_come_several_times[False-3]": "illegal_parameter (application, level 2) came instead of data",
        "test_it_may_come_several_times[False-5]": "illegal_parameter (application, level 2) came instead of data",
        "test_it_may_come_several_times[True-2]": "illegal_parameter (application, level 2) came instead of data",
        "test_it_may_come_several_times[True-3]": "illegal_parameter (application, level 2) came instead of data",
        "test_it_may_come_several_times[True-5]": "illegal_parameter (application, level 2) came instead of data",
        "test_it_may_have_any_record_version[1023]": "ravelin_test.http.Truncated: the end came instead of a response",
        "test_it_may_have_any_record_version[768]": "ravelin_test.http.Truncated: the end came instead of a response",
        "test_it_may_have_any_record_version[769]": "ravelin_test.http.Truncated: the end came instead of a response",
        "test_it_may_not_come_between_the_pieces_of_finished": (
            "close_notify (application, level 1) came instead of unexpected_message"
        ),
        "test_it_may_not_come_without_end": (
            "illegal_parameter (application, level 2) came instead of unexpected_message"
        ),
        "test_malformed_alerts_instead_of_a_second_hello[100 bytes]": (
            "the end (FIN) came instead of the alert decode_error or unexpected_message"
        ),
        "test_malformed_alerts_instead_of_a_second_hello[empty]": (
            "the end (FIN) came instead of the alert decode_error or unexpected_message"
        ),
        "test_malformed_alerts_instead_of_a_second_hello[half]": (
            "the end (FIN) came instead of the alert decode_error or unexpected_message"
        ),
        "test_malformed_alerts_instead_of_a_second_hello[two]": (
            "the end (FIN) came instead of the alert decode_error or unexpected_message"
        ),
        "test_more_than_one_alert_in_a_record[close_notify twice-in the handshake]": (
            "the end (FIN) came instead of the alert decode_error or unexpected_message"
        ),
        "test_more_than_one_alert_in_a_record[many-in the handshake]": (
            "the end (FIN) came instead of the alert decode_error or unexpected_message"
        ),
        "test_more_than_one_alert_in_a_record[one and a half-in the handshake]": (
            "the end (FIN) came instead of the alert decode_error or unexpected_message"
        ),
        "test_more_than_one_alert_in_a_record[user_canceled and close_notify-in the handshake]": (
            "the end (FIN) came instead of the alert decode_error or unexpected_message"
        ),
    },
    "test_tls13_early_data.py": {
        "test_all_in_one_segment[known ticket]": "bad_record_mac (application, level 2) came instead of data",
        "test_all_in_one_segment[unknown ticket]": "bad_record_mac (application, level 2) came instead of data",
        "test_an_empty_list_beside_it_is_no_offer": "handshake_failure (plain, level 2) came instead of decode_error",
        "test_an_error_of_the_client_among_early_data[known ticket-after a retry]": (
            "the alert unexpected_message (plain, level 2) came instead of the end"
        ),
        "test_an_error_of_the_client_among_early_data[known ticket-directly]": (
            "the alert bad_record_mac (application, level 2) came instead of the end"
        ),
        "test_an_error_of_the_client_among_early_data[unknown ticket-after a retry]": (
            "the alert unexpected_message (plain, level 2) came instead of the end"
        ),
        "test_an_error_of_the_client_among_early_data[unknown ticket-directly]": (
            "the alert bad_record_mac (application, level 2) came instead of the end"
        ),
        "test_change_cipher_spec_among_early_data[known ticket-before and behind]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_change_cipher_spec_among_early_data[known ticket-before]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_change_cipher_spec_among_early_data[known ticket-behind]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_change_cipher_spec_among_early_data[known ticket-between]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_change_cipher_spec_among_early_data[unknown ticket-before and behind]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_change_cipher_spec_among_early_data[unknown ticket-before]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_change_cipher_spec_among_early_data[unknown ticket-behind]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_change_cipher_spec_among_early_data[unknown ticket-between]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_early_data_after_the_servers_flight[known ticket]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_early_data_after_the_servers_flight[unknown ticket]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_early_data_before_a_retry_is_passed_over[known ticket-full]": (
            "the alert unexpected_message (plain, level 2) came instead of the server's flight"
        ),
        "test_early_data_before_a_retry_is_passed_over[known ticket-many]": (
            "the alert unexpected_message (plain, level 2) came instead of the server's flight"
        ),
        "test_early_data_before_a_retry_is_passed_over[known ticket-one]": (
            "the alert unexpected_message (plain, level 2) came instead of the server's flight"
        ),
        "test_early_data_before_a_retry_is_passed_over[known ticket-two]": (
            "the alert unexpected_message (plain, level 2) came instead of the server's flight"
        ),
        "test_early_data_before_a_retry_is_passed_over[unknown ticket-full]": (
            "the alert unexpected_message (plain, level 2) came instead of the server's flight"
        ),
        "test_early_data_before_a_retry_is_passed_over[unknown ticket-many]": (
            "the alert unexpected_message (plain, level 2) came instead of the server's flight"
        ),
        "test_early_data_before_a_retry_is_passed_over[unknown ticket-one]": (
            "the alert unexpected_message (plain, level 2) came instead of the server's flight"
        ),
        "test_early_data_before_a_retry_is_passed_over[unknown ticket-two]": (
            "the alert unexpected_message (plain, level 2) came instead of the server's flight"
        ),
        "test_early_data_beside_a_fragmented_hello[known ticket]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_early_data_beside_a_fragmented_hello[unknown ticket]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_early_data_byte_by_byte[known ticket]": "bad_record_mac (application, level 2) came instead of data",
        "test_early_data_byte_by_byte[unknown ticket]": "bad_record_mac (application, level 2) came instead of data",
        "test_early_data_is_passed_over[known ticket-16 KiB in halves]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_early_data_is_passed_over[known ticket-a byte]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_early_data_is_passed_over[known ticket-a full record]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_early_data_is_passed_over[known ticket-a request]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_early_data_is_passed_over[known ticket-many small records]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_early_data_is_passed_over[known ticket-nothing]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_early_data_is_passed_over[known ticket-three records]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_early_data_is_passed_over[unknown ticket-16 KiB in halves]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_early_data_is_passed_over[unknown ticket-a byte]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_early_data_is_passed_over[unknown ticket-a full record]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_early_data_is_passed_over[unknown ticket-a request]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_early_data_is_passed_over[unknown ticket-many small records]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_early_data_is_passed_over[unknown ticket-nothing]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_early_data_is_passed_over[unknown ticket-three records]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_early_data_never_reaches_a_server": "bad_record_mac (application, level 2) came instead of data",
        "test_early_data_of_each_suite[known-AES_128_GCM]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_early_data_of_each_suite[known-AES_256_GCM]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_early_data_of_each_suite[known-CHACHA20]": "bad_record_mac (application, level 2) came instead of data",
        "test_early_data_of_each_suite[unknown-AES_128_GCM]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_early_data_of_each_suite[unknown-AES_256_GCM]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_early_data_of_each_suite[unknown-CHACHA20]": "bad_record_mac (application, level 2) came instead of data",
        "test_early_data_that_nobody_could_open_is_passed_over[[100]]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_early_data_that_nobody_could_open_is_passed_over[[16384]]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_early_data_that_nobody_could_open_is_passed_over[[17]]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_early_data_that_nobody_could_open_is_passed_over[[256, 16384]]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_early_data_that_nobody_could_open_is_passed_over[[8192, 8192]]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_early_data_until_the_second_hello_is_passed_over[known ticket]": (
            "the alert unexpected_message (plain, level 2) came instead of the server's flight"
        ),
        "test_early_data_until_the_second_hello_is_passed_over[unknown ticket]": (
            "the alert unexpected_message (plain, level 2) came instead of the server's flight"
        ),
        "test_records_of_other_types_are_not_passed_over[known ticket-0]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_records_of_other_types_are_not_passed_over[known ticket-24]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_records_of_other_types_are_not_passed_over[known ticket-255]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_records_of_other_types_are_not_passed_over[known ticket-99]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_records_of_other_types_are_not_passed_over[unknown ticket-0]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_records_of_other_types_are_not_passed_over[unknown ticket-24]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_records_of_other_types_are_not_passed_over[unknown ticket-255]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_records_of_other_types_are_not_passed_over[unknown ticket-99]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_the_end_of_early_data_is_early_data[known ticket]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_the_end_of_early_data_is_early_data[unknown ticket]": (
            "bad_record_mac (application, level 2) came instead of data"
        ),
        "test_the_offer_is_empty[1 byte]": "SERVER_HELLO came instead of the alert decode_error",
        "test_the_offer_is_empty[4 bytes]": "SERVER_HELLO came instead of the alert decode_error",
        "test_the_offer_is_empty[text]": "SERVER_HELLO came instead of the alert decode_error",
        "test_too_long_a_record_is_not_passed_over[known ticket-16641]": (
            "the end (FIN) came instead of the alert record_overflow"
        ),
        "test_too_long_a_record_is_not_passed_over[known ticket-20000]": (
            "the end (FIN) came instead of the alert record_overflow"
        ),
        "test_too_long_a_record_is_not_passed_over[known ticket-65535]": (
            "the end (FIN) came instead of the alert record_overflow"
        ),
        "test_too_long_a_record_is_not_passed_over[unknown ticket-16641]": (
            "the end (FIN) came instead of the alert record_overflow"
        ),
        "test_too_long_a_record_is_not_passed_over[unknown ticket-20000]": (
            "the end (FIN) came instead of the alert record_overflow"
        ),
        "test_too_long_a_record_is_not_passed_over[unknown ticket-65535]": (
            "the end (FIN) came instead of the alert record_overflow"
        ),
    },
    "test_tls13_extensions.py": {
        "test_a_client_of_psk_ke_only_gets_no_ticket": "assert [Ticket(lifet..., suite=4865)] == []",
        "test_every_wrong_length_of_signature_algorithms": (
            "length 0: missing_extension (plain, level 2) came instead of decode_error"
        ),
        "test_long_lists_of_signature_schemes[different unknown ones-215]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_long_lists_of_signature_schemes[different unknown ones-2355]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_long_lists_of_signature_schemes[different unknown ones-23754]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_long_lists_of_signature_schemes[different unknown ones-32700]": (
            "the alert decode_error (plain, level 2) came instead of a ServerHello"
        ),
        "test_long_lists_of_signature_schemes[different unknown ones-8132]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_long_lists_of_signature_schemes[the same legacy one-215]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_long_lists_of_signature_schemes[the same legacy one-2355]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_long_lists_of_signature_schemes[the same legacy one-23754]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_long_lists_of_signature_schemes[the same legacy one-32700]": (
            "the alert decode_error (plain, level 2) came instead of a ServerHello"
        ),
        "test_long_lists_of_signature_schemes[the same legacy one-8132]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_long_lists_of_signature_schemes[the same unknown one-215]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_long_lists_of_signature_schemes[the same unknown one-2355]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_long_lists_of_signature_schemes[the same unknown one-23754]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_long_lists_of_signature_schemes[the same unknown one-32700]": (
            "the alert decode_error (plain, level 2) came instead of a ServerHello"
        ),
        "test_long_lists_of_signature_schemes[the same unknown one-8132]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_malformed_cookies[a byte more]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_malformed_cookies[too long]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_malformed_server_name[an empty list with more behind]": (
            "SERVER_HELLO came instead of the alert decode_error"
        ),
        "test_malformed_server_name[half a length]": "SERVER_HELLO came instead of the alert decode_error",
        "test_malformed_server_name[ones]": "SERVER_HELLO came instead of the alert decode_error",
        "test_malformed_server_name[too long a list]": "SERVER_HELLO came instead of the alert decode_error",
        "test_malformed_server_name[too long a name]": "SERVER_HELLO came instead of the alert decode_error",
        "test_malformed_server_name[too short a list]": "SERVER_HELLO came instead of the alert decode_error",
        "test_malformed_signature_algorithms[a list that is too long]": (
            "missing_extension (plain, level 2) came instead of decode_error"
        ),
        "test_malformed_signature_algorithms[an empty list]": (
            "missing_extension (plain, level 2) came instead of decode_error"
        ),
        "test_malformed_signature_algorithms[five bytes]": (
            "missing_extension (plain, level 2) came instead of decode_error"
        ),
        "test_malformed_signature_algorithms[more behind the list]": (
            "missing_extension (plain, level 2) came instead of decode_error"
        ),
        "test_malformed_signature_algorithms[one byte]": (
            "missing_extension (plain, level 2) came instead of decode_error"
        ),
        "test_malformed_signature_algorithms[three bytes]": (
            "missing_extension (plain, level 2) came instead of decode_error"
        ),
        "test_malformed_supported_groups[a list that is too long]": (
            "missing_extension (plain, level 2) came instead of decode_error"
        ),
        "test_malformed_supported_groups[more behind the list]": (
            "missing_extension (plain, level 2) came instead of decode_error"
        ),
        "test_malformed_supported_groups[one byte]": "handshake_failure (plain, level 2) came instead of decode_error",
        "test_malformed_supported_groups[three bytes]": (
            "missing_extension (plain, level 2) came instead of decode_error"
        ),
        "test_no_common_group[a share of it-an empty list]": (
            "missing_extension (plain, level 2) came instead of decode_error"
        ),
        "test_no_common_group[no share-an empty list]": (
            "missing_extension (plain, level 2) came instead of decode_error"
        ),
        "test_psk_key_exchange_modes_may_be_missing": "assert [Ticket(lifet..., suite=4865)] == []",
        "test_psk_key_exchange_modes_without_a_psk[a list that is too long]": (
            "missing_extension (plain, level 2) came instead of decode_error"
        ),
        "test_psk_key_exchange_modes_without_a_psk[an empty list]": (
            "SERVER_HELLO came instead of the alert decode_error"
        ),
        "test_psk_key_exchange_modes_without_a_psk[more behind the list]": (
            "missing_extension (plain, level 2) came instead of decode_error"
        ),
        "test_server_name[256 characters]": (
            "SERVER_HELLO came instead of the alert illegal_parameter or unrecognized_name"
        ),
        "test_server_name[60000 characters]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter or unrecognized_name"
        ),
        "test_server_name[BEL]": "SERVER_HELLO came instead of the alert illegal_parameter",
        "test_server_name[NUL at the end]": "SERVER_HELLO came instead of the alert illegal_parameter",
        "test_server_name[NUL]": "SERVER_HELLO came instead of the alert illegal_parameter",
        "test_server_name[UTF-8]": "SERVER_HELLO came instead of the alert illegal_parameter",
        "test_server_name[a colon]": "SERVER_HELLO came instead of the alert illegal_parameter",
        "test_server_name[a line end]": "SERVER_HELLO came instead of the alert illegal_parameter",
        "test_server_name[a slash]": "SERVER_HELLO came instead of the alert illegal_parameter",
        "test_server_name[a space]": "SERVER_HELLO came instead of the alert illegal_parameter",
        "test_server_name[an empty name]": "SERVER_HELLO came instead of the alert decode_error",
        "test_server_name[an escape sequence]": "SERVER_HELLO came instead of the alert illegal_parameter",
        "test_server_name[another type of name before]": (
            "the alert decode_error (plain, level 2) came instead of a ServerHello"
        ),
        "test_server_name[another type of name behind]": (
            "the alert decode_error (plain, level 2) came instead of a ServerHello"
        ),
        "test_server_name[the same name twice]": "decode_error (plain, level 2) came instead of illegal_parameter",
        "test_server_name[two names]": "decode_error (plain, level 2) came instead of illegal_parameter",
        "test_supported_groups[very many before]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
    },
    "test_tls13_hello.py": {
        "test_a_fragmented_hello_is_seen_as_a_whole": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_a_hello_in_several_records[1 byte]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_a_hello_in_several_records[2 bytes]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_a_hello_in_several_records[3 bytes]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_a_hello_in_several_records[after 1 byte]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_a_hello_in_several_records[after 2 bytes]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_a_hello_in_several_records[after 3 bytes]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_a_hello_in_several_records[the header in single bytes]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_a_large_hello_in_several_records[1000-20000]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_a_large_hello_in_several_records[1000-65000]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_a_large_hello_in_several_records[16384-20000]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_a_large_hello_in_several_records[16384-65000]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_a_large_hello_in_several_records[sizes2-20000]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_a_large_hello_in_several_records[sizes2-65000]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_a_large_hello_in_single_bytes": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_an_odd_list_of_suites_is_refused": "illegal_parameter (plain, level 2) came instead of decode_error",
        "test_cipher_suites[all there can be, ours last]": (
            "the alert decode_error (plain, level 2) came instead of a ServerHello"
        ),
        "test_cipher_suites[none]": "handshake_failure (plain, level 2) came instead of decode_error",
        "test_cipher_suites[unknown ones and one of ours]": (
            "the alert decode_error (plain, level 2) came instead of a ServerHello"
        ),
        "test_contents_of_extensions_are_read_to_the_byte[a byte less-ALPN]": (
            "missing_extension (plain, level 2) came instead of decode_error"
        ),
        "test_contents_of_extensions_are_read_to_the_byte[a byte less-PSK_KEY_EXCHANGE_MODES]": (
            "missing_extension (plain, level 2) came instead of decode_error"
        ),
        "test_contents_of_extensions_are_read_to_the_byte[a byte less-SERVER_NAME]": (
            "SERVER_HELLO came instead of the alert decode_error"
        ),
        "test_contents_of_extensions_are_read_to_the_byte[a byte less-SIGNATURE_ALGORITHMS]": (
            "missing_extension (plain, level 2) came instead of decode_error"
        ),
        "test_contents_of_extensions_are_read_to_the_byte[a byte less-SUPPORTED_GROUPS]": (
            "missing_extension (plain, level 2) came instead of decode_error"
        ),
        "test_contents_of_extensions_are_read_to_the_byte[a byte less-SUPPORTED_VERSIONS]": (
            "protocol_version (plain, level 2) came instead of decode_error"
        ),
        "test_contents_of_extensions_are_read_to_the_byte[a byte more-ALPN]": (
            "missing_extension (plain, level 2) came instead of decode_error"
        ),
        "test_contents_of_extensions_are_read_to_the_byte[a byte more-PSK_KEY_EXCHANGE_MODES]": (
            "missing_extension (plain, level 2) came instead of decode_error"
        ),
        "test_contents_of_extensions_are_read_to_the_byte[a byte more-SIGNATURE_ALGORITHMS]": (
            "missing_extension (plain, level 2) came instead of decode_error"
        ),
        "test_contents_of_extensions_are_read_to_the_byte[a byte more-SUPPORTED_GROUPS]": (
            "missing_extension (plain, level 2) came instead of decode_error"
        ),
        "test_contents_of_extensions_are_read_to_the_byte[empty-SUPPORTED_VERSIONS]": (
            "protocol_version (plain, level 2) came instead of decode_error"
        ),
        "test_large_hellos_are_answered[20000]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_large_hellos_are_answered[32768]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_large_hellos_are_answered[65535]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_large_hellos_are_answered[65536]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_large_hellos_are_answered[65537]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_large_hellos_are_answered[65618]": (
            "the alert decode_error (plain, level 2) came instead of a ServerHello"
        ),
        "test_longer_session_ids_are_refused[255]": "illegal_parameter (plain, level 2) came instead of decode_error",
        "test_longer_session_ids_are_refused[33]": "illegal_parameter (plain, level 2) came instead of decode_error",
        "test_longer_session_ids_are_refused[64]": "illegal_parameter (plain, level 2) came instead of decode_error",
        "test_no_unknown_extension_may_stand_there_twice": "SERVER_HELLO came instead of the alert illegal_parameter",
        "test_the_largest_hello_there_can_be_is_answered": (
            "the alert decode_error (plain, level 2) came instead of a ServerHello"
        ),
        "test_unknown_extensions_are_ignored[0]": (
            "the alert decode_error (plain, level 2) came instead of a ServerHello"
        ),
        "test_unknown_extensions_are_ignored[61440]": (
            "the alert decode_error (plain, level 2) came instead of a ServerHello"
        ),
        "test_unknown_extensions_with_anything_in_them_are_ignored[0]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_unknown_extensions_with_anything_in_them_are_ignored[1024]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_unknown_extensions_with_anything_in_them_are_ignored[2048]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_unknown_extensions_with_anything_in_them_are_ignored[3072]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_unknown_extensions_with_anything_in_them_are_ignored[4096]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_unknown_extensions_with_anything_in_them_are_ignored[5120]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_unknown_extensions_with_anything_in_them_are_ignored[6144]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_unknown_extensions_with_anything_in_them_are_ignored[7168]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_wrong_lengths[suites 3]": "illegal_parameter (plain, level 2) came instead of decode_error",
    },
    "test_tls13_key_share.py": {
        "test_bad_points[a byte less-P256]": "handshake_failure (plain, level 2) came instead of illegal_parameter",
        "test_bad_points[a byte less-P384]": "handshake_failure (plain, level 2) came instead of illegal_parameter",
        "test_bad_points[a byte more-P256]": "handshake_failure (plain, level 2) came instead of illegal_parameter",
        "test_bad_points[a byte more-P384]": "handshake_failure (plain, level 2) came instead of illegal_parameter",
        "test_bad_points[a first byte alone-P256]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter"
        ),
        "test_bad_points[a first byte alone-P384]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter"
        ),
        "test_bad_points[an X25519 share-P256]": "handshake_failure (plain, level 2) came instead of illegal_parameter",
        "test_bad_points[an X25519 share-P384]": "handshake_failure (plain, level 2) came instead of illegal_parameter",
        "test_bad_points[another first byte-P256]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter"
        ),
        "test_bad_points[another first byte-P384]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter"
        ),
        "test_bad_points[compressed-P256]": "handshake_failure (plain, level 2) came instead of illegal_parameter",
        "test_bad_points[compressed-P384]": "handshake_failure (plain, level 2) came instead of illegal_parameter",
        "test_bad_points[in hybrid form-P256]": "handshake_failure (plain, level 2) came instead of illegal_parameter",
        "test_bad_points[in hybrid form-P384]": "handshake_failure (plain, level 2) came instead of illegal_parameter",
        "test_bad_points[infinity, padded-P256]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter"
        ),
        "test_bad_points[infinity, padded-P384]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter"
        ),
        "test_bad_points[infinity-P256]": "handshake_failure (plain, level 2) came instead of illegal_parameter",
        "test_bad_points[infinity-P384]": "handshake_failure (plain, level 2) came instead of illegal_parameter",
        "test_bad_points[not reduced-P256]": "handshake_failure (plain, level 2) came instead of illegal_parameter",
        "test_bad_points[not reduced-P384]": "handshake_failure (plain, level 2) came instead of illegal_parameter",
        "test_bad_points[nothing-P256]": "decode_error (plain, level 2) came instead of illegal_parameter",
        "test_bad_points[nothing-P384]": "decode_error (plain, level 2) came instead of illegal_parameter",
        "test_bad_points[of another curve-P256]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter"
        ),
        "test_bad_points[of another curve-P384]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter"
        ),
        "test_bad_points[off the curve-P256]": "handshake_failure (plain, level 2) came instead of illegal_parameter",
        "test_bad_points[off the curve-P384]": "handshake_failure (plain, level 2) came instead of illegal_parameter",
        "test_bad_points[ones-P256]": "handshake_failure (plain, level 2) came instead of illegal_parameter",
        "test_bad_points[ones-P384]": "handshake_failure (plain, level 2) came instead of illegal_parameter",
        "test_bad_points[only x-P256]": "handshake_failure (plain, level 2) came instead of illegal_parameter",
        "test_bad_points[only x-P384]": "handshake_failure (plain, level 2) came instead of illegal_parameter",
        "test_bad_points[without its first byte-P256]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter"
        ),
        "test_bad_points[without its first byte-P384]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter"
        ),
        "test_bad_points[x = 0, y = 0-P256]": "handshake_failure (plain, level 2) came instead of illegal_parameter",
        "test_bad_points[x = 0, y = 0-P384]": "handshake_failure (plain, level 2) came instead of illegal_parameter",
        "test_bad_points_after_a_retry[a byte less-P256]": "the end (FIN) came instead of the alert illegal_parameter",
        "test_bad_points_after_a_retry[a byte less-P384]": "the end (FIN) came instead of the alert illegal_parameter",
        "test_bad_points_after_a_retry[a byte more-P256]": "the end (FIN) came instead of the alert illegal_parameter",
        "test_bad_points_after_a_retry[a byte more-P384]": "the end (FIN) came instead of the alert illegal_parameter",
        "test_bad_points_after_a_retry[a first byte alone-P256]": (
            "the end (FIN) came instead of the alert illegal_parameter"
        ),
        "test_bad_points_after_a_retry[a first byte alone-P384]": (
            "the end (FIN) came instead of the alert illegal_parameter"
        ),
        "test_bad_points_after_a_retry[an X25519 share-P256]": (
            "the end (FIN) came instead of the alert illegal_parameter"
        ),
        "test_bad_points_after_a_retry[an X25519 share-P384]": (
            "the end (FIN) came instead of the alert illegal_parameter"
        ),
        "test_bad_points_after_a_retry[another first byte-P256]": (
            "the end (FIN) came instead of the alert illegal_parameter"
        ),
        "test_bad_points_after_a_retry[another first byte-P384]": (
            "the end (FIN) came instead of the alert illegal_parameter"
        ),
        "test_bad_points_after_a_retry[compressed-P256]": "the end (FIN) came instead of the alert illegal_parameter",
        "test_bad_points_after_a_retry[compressed-P384]": "the end (FIN) came instead of the alert illegal_parameter",
        "test_bad_points_after_a_retry[in hybrid form-P256]": (
            "the end (FIN) came instead of the alert illegal_parameter"
        ),
        "test_bad_points_after_a_retry[in hybrid form-P384]": (
            "the end (FIN) came instead of the alert illegal_parameter"
        ),
        "test_bad_points_after_a_retry[infinity, padded-P256]": (
            "the end (FIN) came instead of the alert illegal_parameter"
        ),
        "test_bad_points_after_a_retry[infinity, padded-P384]": (
            "the end (FIN) came instead of the alert illegal_parameter"
        ),
        "test_bad_points_after_a_retry[infinity-P256]": "the end (FIN) came instead of the alert illegal_parameter",
        "test_bad_points_after_a_retry[infinity-P384]": "the end (FIN) came instead of the alert illegal_parameter",
        "test_bad_points_after_a_retry[not reduced-P256]": "the end (FIN) came instead of the alert illegal_parameter",
        "test_bad_points_after_a_retry[not reduced-P384]": "the end (FIN) came instead of the alert illegal_parameter",
        "test_bad_points_after_a_retry[nothing-P256]": (
            "decode_error (plain, level 2) came instead of illegal_parameter"
        ),
        "test_bad_points_after_a_retry[nothing-P384]": (
            "decode_error (plain, level 2) came instead of illegal_parameter"
        ),
        "test_bad_points_after_a_retry[of another curve-P256]": (
            "the end (FIN) came instead of the alert illegal_parameter"
        ),
        "test_bad_points_after_a_retry[of another curve-P384]": (
            "the end (FIN) came instead of the alert illegal_parameter"
        ),
        "test_bad_points_after_a_retry[off the curve-P256]": (
            "the end (FIN) came instead of the alert illegal_parameter"
        ),
        "test_bad_points_after_a_retry[off the curve-P384]": (
            "the end (FIN) came instead of the alert illegal_parameter"
        ),
        "test_bad_points_after_a_retry[ones-P256]": "the end (FIN) came instead of the alert illegal_parameter",
        "test_bad_points_after_a_retry[ones-P384]": "the end (FIN) came instead of the alert illegal_parameter",
        "test_bad_points_after_a_retry[only x-P256]": "the end (FIN) came instead of the alert illegal_parameter",
        "test_bad_points_after_a_retry[only x-P384]": "the end (FIN) came instead of the alert illegal_parameter",
        "test_bad_points_after_a_retry[without its first byte-P256]": (
            "the end (FIN) came instead of the alert illegal_parameter"
        ),
        "test_bad_points_after_a_retry[without its first byte-P384]": (
            "the end (FIN) came instead of the alert illegal_parameter"
        ),
        "test_bad_points_after_a_retry[x = 0, y = 0-P256]": "the end (FIN) came instead of the alert illegal_parameter",
        "test_bad_points_after_a_retry[x = 0, y = 0-P384]": "the end (FIN) came instead of the alert illegal_parameter",
        "test_hybrid_shares_of_a_wrong_size[-1-SECP256R1MLKEM768]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter"
        ),
        "test_hybrid_shares_of_a_wrong_size[-1-X25519MLKEM768]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter"
        ),
        "test_hybrid_shares_of_a_wrong_size[1-SECP256R1MLKEM768]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter"
        ),
        "test_hybrid_shares_of_a_wrong_size[1-X25519MLKEM768]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter"
        ),
        "test_hybrid_shares_of_a_wrong_size[32-SECP256R1MLKEM768]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter"
        ),
        "test_hybrid_shares_of_a_wrong_size[32-X25519MLKEM768]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter"
        ),
        "test_hybrid_shares_of_a_wrong_size[None-SECP256R1MLKEM768]": (
            "decode_error (plain, level 2) came instead of illegal_parameter"
        ),
        "test_hybrid_shares_of_a_wrong_size[None-X25519MLKEM768]": (
            "decode_error (plain, level 2) came instead of illegal_parameter"
        ),
        "test_hybrid_shares_with_a_key_that_is_not_reduced[SECP256R1MLKEM768]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter"
        ),
        "test_no_share_may_be_of_an_unlisted_group[23-29]": "SERVER_HELLO came instead of the alert illegal_parameter",
        "test_no_share_may_be_of_an_unlisted_group[29-23]": "SERVER_HELLO came instead of the alert illegal_parameter",
        "test_no_share_may_be_of_an_unlisted_unknown_group": "a share of group 0x001d, for which none was sent",
        "test_unusual_x25519_shares_are_accepted[the base point with the top bit set]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_unusual_x25519_shares_are_accepted[the base point, not reduced]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_unusual_x25519_shares_are_accepted[the top bit set]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_very_many_shares_are_read": "the alert handshake_failure (plain, level 2) came instead of a ServerHello",
        "test_x25519_points_of_small_order[first hello-one with the top bit]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter"
        ),
        "test_x25519_points_of_small_order[first hello-one]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter"
        ),
        "test_x25519_points_of_small_order[first hello-order 8]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter"
        ),
        "test_x25519_points_of_small_order[first hello-p minus 1]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter"
        ),
        "test_x25519_points_of_small_order[first hello-p plus 1]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter"
        ),
        "test_x25519_points_of_small_order[first hello-p]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter"
        ),
        "test_x25519_points_of_small_order[first hello-the other of order 8]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter"
        ),
        "test_x25519_points_of_small_order[first hello-zero with the top bit]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter"
        ),
        "test_x25519_points_of_small_order[first hello-zero]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter"
        ),
        "test_x25519_points_of_small_order[second hello-one with the top bit]": (
            "the end (FIN) came instead of the alert illegal_parameter"
        ),
        "test_x25519_points_of_small_order[second hello-one]": (
            "the end (FIN) came instead of the alert illegal_parameter"
        ),
        "test_x25519_points_of_small_order[second hello-order 8]": (
            "the end (FIN) came instead of the alert illegal_parameter"
        ),
        "test_x25519_points_of_small_order[second hello-p minus 1]": (
            "the end (FIN) came instead of the alert illegal_parameter"
        ),
        "test_x25519_points_of_small_order[second hello-p plus 1]": (
            "the end (FIN) came instead of the alert illegal_parameter"
        ),
        "test_x25519_points_of_small_order[second hello-p]": (
            "the end (FIN) came instead of the alert illegal_parameter"
        ),
        "test_x25519_points_of_small_order[second hello-the other of order 8]": (
            "the end (FIN) came instead of the alert illegal_parameter"
        ),
        "test_x25519_points_of_small_order[second hello-zero with the top bit]": (
            "the end (FIN) came instead of the alert illegal_parameter"
        ),
        "test_x25519_points_of_small_order[second hello-zero]": (
            "the end (FIN) came instead of the alert illegal_parameter"
        ),
        "test_x25519_shares_of_a_wrong_size[0]": "decode_error (plain, level 2) came instead of illegal_parameter",
        "test_x25519_shares_of_a_wrong_size[1000]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter"
        ),
        "test_x25519_shares_of_a_wrong_size[1]": "handshake_failure (plain, level 2) came instead of illegal_parameter",
        "test_x25519_shares_of_a_wrong_size[31]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter"
        ),
        "test_x25519_shares_of_a_wrong_size[33]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter"
        ),
        "test_x25519_shares_of_a_wrong_size[64]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter"
        ),
        "test_x25519_shares_of_a_wrong_size[65]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter"
        ),
    },
    "test_tls13_messages.py": {
        "test_a_certificate_that_nobody_asked_for[ecdsa-1027]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_a_certificate_that_nobody_asked_for[rsa-2052]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_a_long_finished_is_not_waited_for[131072]": "the end (FIN) came instead of the alert decode_error",
        "test_a_long_finished_is_not_waited_for[16777215]": "the end (FIN) came instead of the alert decode_error",
        "test_client_authentication_that_nobody_asked_for": (
            "close_notify (application, level 1) came instead of unexpected_message"
        ),
        "test_finished_in_several_records[1]": "ravelin_test.http.Truncated: the end came instead of a response",
        "test_finished_in_several_records[2]": "ravelin_test.http.Truncated: the end came instead of a response",
        "test_finished_in_several_records[[1, 3]]": "ravelin_test.http.Truncated: the end came instead of a response",
        "test_large_messages_are_not_waited_for[in the handshake-131072]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_large_messages_are_not_waited_for[in the handshake-16777215]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_messages_that_may_not_come[11-in the handshake]": (
            "decode_error (application, level 2) came instead of unexpected_message"
        ),
        "test_nothing_comes_between_the_pieces_of_finished[a padded empty handshake record]": (
            "close_notify (application, level 1) came instead of unexpected_message"
        ),
        "test_nothing_comes_between_the_pieces_of_finished[an empty alert]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_nothing_comes_between_the_pieces_of_finished[an empty handshake record]": (
            "close_notify (application, level 1) came instead of unexpected_message"
        ),
        "test_nothing_comes_between_the_pieces_of_finished[heartbeat]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_well_formed_messages_in_pieces[CertificateRequest-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_well_formed_messages_in_pieces[CertificateStatus-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_well_formed_messages_in_pieces[CertificateVerify-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_well_formed_messages_in_pieces[ClientHello-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_well_formed_messages_in_pieces[ClientKeyExchange-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_well_formed_messages_in_pieces[CompressedCertificate-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_well_formed_messages_in_pieces[EncryptedExtensions-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_well_formed_messages_in_pieces[EndOfEarlyData-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_well_formed_messages_in_pieces[HelloRequest-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_well_formed_messages_in_pieces[NewSessionTicket-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_well_formed_messages_in_pieces[ServerHello-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_well_formed_messages_in_pieces[ServerHelloDone-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_well_formed_messages_in_pieces[a Certificate-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_well_formed_messages_in_pieces[a message hash-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_well_formed_messages_in_pieces[an empty Certificate-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_well_formed_messages_that_may_not_come[a Certificate-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_well_formed_messages_that_may_not_come[an empty Certificate-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_wrong_finished[128 KiB-AES_128_GCM]": "the end (FIN) came instead of the alert decode_error",
        "test_wrong_finished[128 KiB-AES_256_GCM]": "the end (FIN) came instead of the alert decode_error",
        "test_wrong_finished[192 KiB-AES_128_GCM]": "the end (FIN) came instead of the alert decode_error",
        "test_wrong_finished[192 KiB-AES_256_GCM]": "the end (FIN) came instead of the alert decode_error",
    },
    "test_tls13_psk.py": {
        "test_a_binder_binds_the_first_hello_too": "illegal_parameter (plain, level 2) came instead of decrypt_error",
        "test_a_binder_binds_the_hello": "illegal_parameter (plain, level 2) came instead of decrypt_error",
        "test_a_binder_of_an_external_psk_is_wrong": "illegal_parameter (plain, level 2) came instead of decrypt_error",
        "test_a_binder_of_another_secret_is_wrong": "illegal_parameter (plain, level 2) came instead of decrypt_error",
        "test_a_certificate_is_not_for_a_resumed_handshake": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_a_missing_binder": "handshake_failure (plain, level 2) came instead of illegal_parameter or decode_error",
        "test_a_psk_in_a_fragmented_hello[100]": "assert False",
        "test_a_psk_in_a_fragmented_hello[1]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_a_psk_in_a_fragmented_hello[sizes2]": "assert False",
        "test_a_psk_in_a_large_hello": "the alert handshake_failure (plain, level 2) came instead of a ServerHello",
        "test_a_psk_needs_a_share": (
            "illegal_parameter (plain, level 2) came instead of missing_extension or handshake_failure"
        ),
        "test_a_psk_needs_modes": "handshake_failure (plain, level 2) came instead of missing_extension",
        "test_a_psk_that_does_not_fit_is_left_out_of_the_second_hello": (
            "the alert illegal_parameter (plain, level 2) came instead of the server's flight"
        ),
        "test_a_ticket_of_another_size_leads_to_a_full_handshake[a byte more]": "assert not True",
        "test_a_ticket_of_another_size_leads_to_a_full_handshake[twice]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_an_unknown_identity_of_any_size[1000]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_an_unknown_identity_of_any_size[16000]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_an_unknown_identity_of_any_size[60000]": (
            "the alert handshake_failure (plain, level 2) came instead of a ServerHello"
        ),
        "test_an_unknown_psk_needs_modes_too": "SERVER_HELLO came instead of the alert missing_extension",
        "test_binders[1 byte]": "handshake_failure (plain, level 2) came instead of decode_error",
        "test_binders[255 bytes]": (
            "handshake_failure (plain, level 2) came instead of decrypt_error or illegal_parameter"
        ),
        "test_binders[31 bytes]": "handshake_failure (plain, level 2) came instead of decode_error",
        "test_binders[a bit in the middle]": "illegal_parameter (plain, level 2) came instead of decrypt_error",
        "test_binders[half of one more]": "handshake_failure (plain, level 2) came instead of decode_error",
        "test_binders[no bytes]": "handshake_failure (plain, level 2) came instead of decode_error",
        "test_binders[none]": "handshake_failure (plain, level 2) came instead of decode_error",
        "test_binders[one too many]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter or decode_error"
        ),
        "test_binders[the first bit]": "illegal_parameter (plain, level 2) came instead of decrypt_error",
        "test_binders[the last bit]": "illegal_parameter (plain, level 2) came instead of decrypt_error",
        "test_binders[too long an entry]": "handshake_failure (plain, level 2) came instead of decode_error",
        "test_binders[two too many]": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter or decode_error"
        ),
        "test_binders[zeros]": "illegal_parameter (plain, level 2) came instead of decrypt_error",
        "test_every_bit_of_a_binder_counts": "illegal_parameter (plain, level 2) came instead of decrypt_error",
        "test_every_cut_of_the_extension_is_noticed": (
            "cut to 2 of 265 bytes: handshake_failure (plain, level 2) came instead of decode_error"
        ),
        "test_malformed_identities[an empty identity before]": (
            "illegal_parameter (plain, level 2) came instead of decode_error"
        ),
        "test_malformed_identities[an empty identity]": "SERVER_HELLO came instead of the alert decode_error",
        "test_malformed_identities[half an age]": "handshake_failure (plain, level 2) came instead of decode_error",
        "test_malformed_identities[no age]": "handshake_failure (plain, level 2) came instead of decode_error",
        "test_malformed_identities[none]": "handshake_failure (plain, level 2) came instead of decode_error",
        "test_malformed_identities[too long an entry]": (
            "handshake_failure (plain, level 2) came instead of decode_error"
        ),
        "test_modes[psk_ke only]": "the alert illegal_parameter (plain, level 2) came instead of a ServerHello",
        "test_modes[unknown ones only]": "the alert illegal_parameter (plain, level 2) came instead of a ServerHello",
        "test_more_behind_the_binders": "SERVER_HELLO came instead of the alert decode_error",
        "test_psk_ke_only_without_a_share_is_refused": (
            "illegal_parameter (plain, level 2) came instead of missing_extension or handshake_failure"
        ),
    },
    "test_tls13_records.py": {
        "test_an_inner_plaintext_without_a_type[only a tag-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_empty_alerts_and_messages[ALERT-0-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_empty_alerts_and_messages[ALERT-1000-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_empty_alerts_and_messages[ALERT-16384-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_empty_alerts_and_messages[ALERT-2-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_empty_alerts_and_messages[ALERT-30-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_empty_alerts_and_messages[ALERT-5-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_empty_alerts_and_messages[HANDSHAKE-0-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_empty_alerts_and_messages[HANDSHAKE-1000-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_empty_alerts_and_messages[HANDSHAKE-16384-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_empty_alerts_and_messages[HANDSHAKE-2-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_empty_alerts_and_messages[HANDSHAKE-30-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_empty_alerts_and_messages[HANDSHAKE-5-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_inner_types_that_may_not_be[1 byte-1-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_inner_types_that_may_not_be[1 byte-127-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_inner_types_that_may_not_be[1 byte-128-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_inner_types_that_may_not_be[1 byte-19-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_inner_types_that_may_not_be[1 byte-24-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_inner_types_that_may_not_be[1 byte-25-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_inner_types_that_may_not_be[1 byte-255-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_inner_types_that_may_not_be[1 byte-26-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_inner_types_that_may_not_be[1 byte-64-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_inner_types_that_may_not_be[100 bytes-1-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_inner_types_that_may_not_be[100 bytes-127-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_inner_types_that_may_not_be[100 bytes-128-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_inner_types_that_may_not_be[100 bytes-19-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_inner_types_that_may_not_be[100 bytes-24-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_inner_types_that_may_not_be[100 bytes-25-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_inner_types_that_may_not_be[100 bytes-255-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_inner_types_that_may_not_be[100 bytes-26-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_inner_types_that_may_not_be[100 bytes-64-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_inner_types_that_may_not_be[empty-1-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_inner_types_that_may_not_be[empty-127-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_inner_types_that_may_not_be[empty-128-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_inner_types_that_may_not_be[empty-19-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_inner_types_that_may_not_be[empty-24-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_inner_types_that_may_not_be[empty-25-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_inner_types_that_may_not_be[empty-255-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_inner_types_that_may_not_be[empty-26-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_inner_types_that_may_not_be[empty-64-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_record_types_that_may_not_be[0-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_record_types_that_may_not_be[1-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_record_types_that_may_not_be[127-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_record_types_that_may_not_be[128-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_record_types_that_may_not_be[19-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_record_types_that_may_not_be[24-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_record_types_that_may_not_be[25-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_record_types_that_may_not_be[255-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_record_types_that_may_not_be[26-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_record_types_that_may_not_be[63-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_record_types_that_may_not_be[64-in the handshake]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_too_long_a_record[16641-in the handshake]": "the end (FIN) came instead of the alert record_overflow",
        "test_too_long_a_record[16642-in the handshake]": "the end (FIN) came instead of the alert record_overflow",
        "test_too_long_a_record[20000-in the handshake]": "the end (FIN) came instead of the alert record_overflow",
        "test_too_long_a_record[32768-in the handshake]": "the end (FIN) came instead of the alert record_overflow",
        "test_too_long_a_record[65535-in the handshake]": "the end (FIN) came instead of the alert record_overflow",
        "test_too_long_a_record_that_would_open[in the handshake]": (
            "the end (FIN) came instead of the alert record_overflow"
        ),
        "test_too_much_inside[1-16484-in the handshake]": "the end (FIN) came instead of the alert record_overflow",
        "test_too_much_inside[1-16623-in the handshake]": "the end (FIN) came instead of the alert record_overflow",
        "test_too_much_inside[100-16484-in the handshake]": "the end (FIN) came instead of the alert record_overflow",
        "test_too_much_inside[100-16623-in the handshake]": "the end (FIN) came instead of the alert record_overflow",
        "test_too_much_inside[all-16484-in the handshake]": "the end (FIN) came instead of the alert record_overflow",
        "test_too_much_inside[all-16623-in the handshake]": "the end (FIN) came instead of the alert record_overflow",
        "test_what_comes_between_the_pieces_of_a_hello[1-an empty change_cipher_spec]": (
            "handshake_failure (plain, level 2) came instead of unexpected_message"
        ),
        "test_what_comes_between_the_pieces_of_a_hello[1-an empty handshake record]": (
            "handshake_failure (plain, level 2) came instead of unexpected_message or decode_error"
        ),
        "test_what_comes_between_the_pieces_of_a_hello[1-application data]": (
            "handshake_failure (plain, level 2) came instead of unexpected_message"
        ),
        "test_what_comes_between_the_pieces_of_a_hello[1-change_cipher_spec]": (
            "handshake_failure (plain, level 2) came instead of unexpected_message"
        ),
        "test_what_comes_between_the_pieces_of_a_hello[1-empty application data]": (
            "handshake_failure (plain, level 2) came instead of unexpected_message"
        ),
        "test_what_comes_between_the_pieces_of_a_hello[1-heartbeat]": (
            "handshake_failure (plain, level 2) came instead of unexpected_message"
        ),
        "test_what_comes_between_the_pieces_of_a_hello[1-type 0]": (
            "handshake_failure (plain, level 2) came instead of unexpected_message"
        ),
        "test_what_comes_between_the_pieces_of_a_hello[1-type 255]": (
            "handshake_failure (plain, level 2) came instead of unexpected_message"
        ),
        "test_what_comes_between_the_pieces_of_a_hello[100-an empty change_cipher_spec]": (
            "handshake_failure (plain, level 2) came instead of unexpected_message"
        ),
        "test_what_comes_between_the_pieces_of_a_hello[100-an empty handshake record]": (
            "handshake_failure (plain, level 2) came instead of unexpected_message or decode_error"
        ),
        "test_what_comes_between_the_pieces_of_a_hello[100-empty application data]": (
            "handshake_failure (plain, level 2) came instead of unexpected_message"
        ),
        "test_what_comes_between_the_pieces_of_a_hello[100-heartbeat]": (
            "handshake_failure (plain, level 2) came instead of unexpected_message"
        ),
        "test_what_comes_between_the_pieces_of_a_hello[100-type 0]": (
            "handshake_failure (plain, level 2) came instead of unexpected_message"
        ),
        "test_what_comes_between_the_pieces_of_a_hello[100-type 255]": (
            "handshake_failure (plain, level 2) came instead of unexpected_message"
        ),
        "test_what_comes_between_the_pieces_of_a_hello[4-an empty change_cipher_spec]": (
            "handshake_failure (plain, level 2) came instead of unexpected_message"
        ),
        "test_what_comes_between_the_pieces_of_a_hello[4-an empty handshake record]": (
            "handshake_failure (plain, level 2) came instead of unexpected_message or decode_error"
        ),
        "test_what_comes_between_the_pieces_of_a_hello[4-empty application data]": (
            "handshake_failure (plain, level 2) came instead of unexpected_message"
        ),
        "test_what_comes_between_the_pieces_of_a_hello[4-heartbeat]": (
            "handshake_failure (plain, level 2) came instead of unexpected_message"
        ),
        "test_what_comes_between_the_pieces_of_a_hello[4-type 0]": (
            "handshake_failure (plain, level 2) came instead of unexpected_message"
        ),
        "test_what_comes_between_the_pieces_of_a_hello[4-type 255]": (
            "handshake_failure (plain, level 2) came instead of unexpected_message"
        ),
        "test_what_comes_right_behind_the_hello[an empty handshake record]": (
            "the end (FIN) came instead of the alert unexpected_message or decode_error"
        ),
        "test_what_comes_right_behind_the_hello[heartbeat]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
        "test_what_comes_right_behind_the_hello[type 0]": "the end (FIN) came instead of the alert unexpected_message",
        "test_what_comes_right_behind_the_hello[type 255]": (
            "the end (FIN) came instead of the alert unexpected_message"
        ),
    },
    "test_tls13_retry.py": {
        "test_a_large_second_hello": "the end (FIN) came instead of the server's flight",
        "test_an_unchanged_second_hello": (
            "handshake_failure (plain, level 2) came instead of illegal_parameter or missing_extension"
        ),
        "test_extensions_in_reverse_order": "SERVER_HELLO came instead of the alert illegal_parameter",
        "test_second_hellos[SSL 3]": "a record with version 0x0300: 1503000002",
        "test_second_hellos[TLS 1.2]": "a record after close_notify or a fatal alert",
        "test_second_hellos[another legacy_version]": "a record with version 0x0302: 1503020002",
        "test_second_hellos[another name]": "SERVER_HELLO came instead of the alert illegal_parameter",
        "test_second_hellos[another protocol]": (
            "no_application_protocol (plain, level 2) came instead of illegal_parameter"
        ),
        "test_second_hellos[another random]": "SERVER_HELLO came instead of the alert illegal_parameter",
        "test_second_hellos[another session id]": "SERVER_HELLO came instead of the alert illegal_parameter",
        "test_second_hellos[another unknown extension]": "SERVER_HELLO came instead of the alert illegal_parameter",
        "test_second_hellos[early data]": "SERVER_HELLO came instead of the alert illegal_parameter",
        "test_second_hellos[groups in another order]": "SERVER_HELLO came instead of the alert illegal_parameter",
        "test_second_hellos[no PSK modes]": "SERVER_HELLO came instead of the alert illegal_parameter",
        "test_second_hellos[no name]": "SERVER_HELLO came instead of the alert illegal_parameter",
        "test_second_hellos[no protocol]": "SERVER_HELLO came instead of the alert illegal_parameter",
        "test_second_hellos[no session id]": "SERVER_HELLO came instead of the alert illegal_parameter",
        "test_second_hellos[one more unknown extension]": "SERVER_HELLO came instead of the alert illegal_parameter",
        "test_second_hellos[other groups]": "SERVER_HELLO came instead of the alert illegal_parameter",
        "test_second_hellos[other schemes]": "handshake_failure (plain, level 2) came instead of illegal_parameter",
        "test_second_hellos[other suites]": "SERVER_HELLO came instead of the alert illegal_parameter",
        "test_second_hellos[other versions]": "SERVER_HELLO came instead of the alert illegal_parameter",
        "test_second_hellos[suites in another order]": "SERVER_HELLO came instead of the alert illegal_parameter",
        "test_second_hellos[two extensions change places]": "SERVER_HELLO came instead of the alert illegal_parameter",
        "test_second_hellos[without the unknown extension]": "SERVER_HELLO came instead of the alert illegal_parameter",
        "test_shares_of_the_second_hello[none]": "handshake_failure (plain, level 2) came instead of illegal_parameter",
        "test_the_second_hello_in_several_records[1]": "the end (FIN) came instead of the server's flight",
    },
    "test_tls13_versions.py": {
        "test_legacy_version_beside_supported_versions[0x0300]": "a record with version 0x0300: 1503000002",
        "test_legacy_version_beside_supported_versions[0x0301]": "a record with version 0x0301: 1503010002",
        "test_legacy_version_beside_supported_versions[0x0302]": "a record with version 0x0302: 1503020002",
        "test_legacy_version_beside_supported_versions[0x0304]": (
            "the alert protocol_version (plain, level 2) came instead of a ServerHello"
        ),
        "test_legacy_version_beside_supported_versions[0x0305]": (
            "the alert protocol_version (plain, level 2) came instead of a ServerHello"
        ),
        "test_legacy_version_beside_supported_versions[0x03ff]": (
            "the alert protocol_version (plain, level 2) came instead of a ServerHello"
        ),
        "test_supported_versions[an empty list]": "protocol_version (plain, level 2) came instead of decode_error",
        "test_supported_versions[no extension contents]": (
            "protocol_version (plain, level 2) came instead of decode_error"
        ),
        "test_supported_versions[no length]": "protocol_version (plain, level 2) came instead of decode_error",
        "test_supported_versions[one byte]": "protocol_version (plain, level 2) came instead of decode_error",
        "test_supported_versions[too long a list]": "protocol_version (plain, level 2) came instead of decode_error",
        "test_supported_versions[two bytes of length]": (
            "protocol_version (plain, level 2) came instead of decode_error"
        ),
        "test_the_version_of_the_record_of_a_second_hello_is_ignored[1023]": (
            "the end (FIN) came instead of the server's flight"
        ),
        "test_the_version_of_the_record_of_a_second_hello_is_ignored[768]": (
            "the end (FIN) came instead of the server's flight"
        ),
        "test_the_version_of_the_record_of_a_second_hello_is_ignored[769]": (
            "the end (FIN) came instead of the server's flight"
        ),
    },
}
