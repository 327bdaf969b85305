"""What the server does otherwise than the tests ask: by file and test, and what comes instead.

Such a test must fail (conftest.py marks it so). As soon as it passes, its line here has to go.
"""

KNOWN_FAULTS = {
    "test_tls13_hello.py": {
        "test_a_fragmented_hello_is_seen_as_a_whole": "the end (FIN) came instead of the server's flight",
        "test_a_hello_in_several_records[1 byte]": "the end (FIN) came instead of the server's flight",
        "test_a_hello_in_several_records[2 bytes]": "the end (FIN) came instead of the server's flight",
        "test_a_hello_in_several_records[3 bytes]": "the end (FIN) came instead of the server's flight",
        "test_a_hello_in_several_records[after 1 byte]": "the end (FIN) came instead of the server's flight",
        "test_a_hello_in_several_records[after 2 bytes]": "the end (FIN) came instead of the server's flight",
        "test_a_hello_in_several_records[after 3 bytes]": "the end (FIN) came instead of the server's flight",
        "test_a_hello_in_several_records[the header in single bytes]": (
            "the end (FIN) came instead of the server's flight"
        ),
        "test_a_large_hello_in_several_records[1000-20000]": "the end (FIN) came instead of the server's flight",
        "test_a_large_hello_in_several_records[1000-65000]": "the end (FIN) came instead of the server's flight",
        "test_a_large_hello_in_several_records[16384-20000]": "the end (FIN) came instead of the server's flight",
        "test_a_large_hello_in_several_records[16384-65000]": "the end (FIN) came instead of the server's flight",
        "test_a_large_hello_in_several_records[sizes2-20000]": "the end (FIN) came instead of the server's flight",
        "test_a_large_hello_in_several_records[sizes2-65000]": "the end (FIN) came instead of the server's flight",
        "test_a_large_hello_in_single_bytes": "the end (FIN) came instead of the server's flight",
        "test_an_odd_list_of_suites_is_refused": "illegal_parameter (plain, level 2) came instead of decode_error",
        "test_cipher_suites[all there can be, ours last]": "the end (FIN) came instead of the server's flight",
        "test_cipher_suites[none]": "handshake_failure (plain, level 2) came instead of decode_error",
        "test_cipher_suites[unknown ones and one of ours]": "the end (FIN) came instead of the server's flight",
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
        "test_large_hellos_are_answered[20000]": "the end (FIN) came instead of the server's flight",
        "test_large_hellos_are_answered[32768]": "the end (FIN) came instead of the server's flight",
        "test_large_hellos_are_answered[65535]": "the end (FIN) came instead of the server's flight",
        "test_large_hellos_are_answered[65536]": "the end (FIN) came instead of the server's flight",
        "test_large_hellos_are_answered[65537]": "the end (FIN) came instead of the server's flight",
        "test_large_hellos_are_answered[65618]": "the end (FIN) came instead of the server's flight",
        "test_longer_session_ids_are_refused[255]": "illegal_parameter (plain, level 2) came instead of decode_error",
        "test_longer_session_ids_are_refused[33]": "illegal_parameter (plain, level 2) came instead of decode_error",
        "test_longer_session_ids_are_refused[64]": "illegal_parameter (plain, level 2) came instead of decode_error",
        "test_no_unknown_extension_may_stand_there_twice": "SERVER_HELLO came instead of the alert illegal_parameter",
        "test_the_largest_hello_there_can_be_is_answered": "the end (FIN) came instead of the server's flight",
        "test_unknown_extensions_are_ignored[0]": "the end (FIN) came instead of the server's flight",
        "test_unknown_extensions_are_ignored[61440]": "the end (FIN) came instead of the server's flight",
        "test_unknown_extensions_with_anything_in_them_are_ignored[0]": (
            "the end (FIN) came instead of the server's flight"
        ),
        "test_unknown_extensions_with_anything_in_them_are_ignored[1024]": (
            "the end (FIN) came instead of the server's flight"
        ),
        "test_unknown_extensions_with_anything_in_them_are_ignored[2048]": (
            "the end (FIN) came instead of the server's flight"
        ),
        "test_unknown_extensions_with_anything_in_them_are_ignored[3072]": (
            "the end (FIN) came instead of the server's flight"
        ),
        "test_unknown_extensions_with_anything_in_them_are_ignored[4096]": (
            "the end (FIN) came instead of the server's flight"
        ),
        "test_unknown_extensions_with_anything_in_them_are_ignored[5120]": (
            "the end (FIN) came instead of the server's flight"
        ),
        "test_unknown_extensions_with_anything_in_them_are_ignored[6144]": (
            "the end (FIN) came instead of the server's flight"
        ),
        "test_unknown_extensions_with_anything_in_them_are_ignored[7168]": (
            "the end (FIN) came instead of the server's flight"
        ),
        "test_wrong_lengths[suites 3]": "illegal_parameter (plain, level 2) came instead of decode_error",
    },
    "test_tls13_versions.py": {
        "test_legacy_version_beside_supported_versions[0x0300]": "a record with version 0x0300: 1503000002",
        "test_legacy_version_beside_supported_versions[0x0301]": "a record with version 0x0301: 1503010002",
        "test_legacy_version_beside_supported_versions[0x0302]": "a record with version 0x0302: 1503020002",
        "test_legacy_version_beside_supported_versions[0x0304]": "the end (FIN) came instead of the server's flight",
        "test_legacy_version_beside_supported_versions[0x0305]": "the end (FIN) came instead of the server's flight",
        "test_legacy_version_beside_supported_versions[0x03ff]": "the end (FIN) came instead of the server's flight",
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
