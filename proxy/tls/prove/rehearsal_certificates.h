// Certificates for rehearsals (rehearsal.h), one of each kind that Ravelin accepts. Their private
// keys were deleted, so they cannot sign, and no client trusts them.
#ifndef RAVELIN_TLS_PROVE_REHEARSAL_CERTIFICATES_H
#define RAVELIN_TLS_PROVE_REHEARSAL_CERTIFICATES_H

#define PEM(lines) "-----BEGIN CERTIFICATE-----\n" lines "-----END CERTIFICATE-----\n"

static const char CERTIFICATE_P256[] =
    PEM("MIIBNDCB2wIUIaaJkePkaO/T1AOKfLdghfkau9QwCgYIKoZIzj0EAwIwHDEaMBgGA1UEAwwRcmVoZWFy\n"
        "c2FsLmludmFsaWQwIBcNMjYxMTI1MjMyNDAwWhgPMjEyNjExMDEyMzI0MDBaMBwxGjAYBgNVBAMMEXJl\n"
        "aGVhcnNhbC5pbnZhbGlkMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEXmoAMEmIU5CUbs38UUTr5e89\n"
        "woiu7Ain6y7HRsn0rItrOJ1eG5jWfuQF7hM23VsDAYnHIXMwBar9E4U/UkqvEjAKBggqhkjOPQQDAgNI\n"
        "ADBFAiEAvjOcC1a3NfNhlGtIVtz1P5Xo5gbj+I//j5dV/QyCt6ICIG39hHuzXNIrS2n8UZkuz7p+wvl9\n"
        "ZJWDpB57KzF3kwfR\n");

static const char CERTIFICATE_P384[] =
    PEM("MIIBcTCB+AIUFPnBjJ4Jq5QdlNXu/sWK+p+EVHswCgYIKoZIzj0EAwIwHDEaMBgGA1UEAwwRcmVoZWFy\n"
        "c2FsLmludmFsaWQwIBcNMjYxMTI1MjMyNDAwWhgPMjEyNjExMDEyMzI0MDBaMBwxGjAYBgNVBAMMEXJl\n"
        "aGVhcnNhbC5pbnZhbGlkMHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEytIVuQg4eA9jF+Qz4vWMxXkkl6qN\n"
        "NTKFTBL0oRN7H6NgRZOn+AFgAWWvEjQ/56Dveu6mtAvQHu7l0w7HUSKNMORUn44UcbjMT38XOiJCFpTa\n"
        "GR/0XxCpQWq0uenTooujMAoGCCqGSM49BAMCA2gAMGUCMQD4m1KhMLkocOdUjstteoKtQAU2Y3kQjVl6\n"
        "Sv1azD61qJicVUZkhaf/e93dEJ3w/uwCMCQZYVouFSKPVSjLy6kO3di4Hbtqs6CUMcSptxWePWLg89KI\n"
        "hqjKRJvZVdR+Zi5bXQ==\n");

static const char CERTIFICATE_ED25519[] =
    PEM("MIH0MIGnAhRoLKZiCX/ZMfw6Lyynvqp89p7c7TAFBgMrZXAwHDEaMBgGA1UEAwwRcmVoZWFyc2FsLmlu\n"
        "dmFsaWQwIBcNMjYxMTI1MjMyNDAxWhgPMjEyNjExMDEyMzI0MDFaMBwxGjAYBgNVBAMMEXJlaGVhcnNh\n"
        "bC5pbnZhbGlkMCowBQYDK2VwAyEAZGPxEdl4Cz8Khmv6XV5T88l50QS5JTyofI7JB7hCNIEwBQYDK2Vw\n"
        "A0EAk4ql9X/Ex4I3ttekZ9t5D48WH5F7cPyXs1yP/d/70QNqbLDbPSSKEG/1RjmElBEmn+Y2FlQmsnOB\n"
        "86T0JyVtAw==\n");

static const char CERTIFICATE_RSA[] =
    PEM("MIICwTCCAakCFFMNJ4Qg55mSdQXDxsdjutOJwcNjMA0GCSqGSIb3DQEBCwUAMBwxGjAYBgNVBAMMEXJl\n"
        "aGVhcnNhbC5pbnZhbGlkMCAXDTI2MTEyNTIzMjQwMVoYDzIxMjYxMTAxMjMyNDAxWjAcMRowGAYDVQQD\n"
        "DBFyZWhlYXJzYWwuaW52YWxpZDCCASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEBALCMXvIoYkAE\n"
        "mjh78umfipJhEHWicwN+n2ieF06trh+wTQOD9LGtdtn4Mw1z52LqDUrnG1xlXbjfZR6bVZd3VcLsSUsb\n"
        "g5Z03p/+hBeVunlOx7pY/xx2MFIn3WNhZqfBJvMZWEeoWOct2AhQrt0ejhpOm/zye0yy8CLZAY+Zpw0+\n"
        "KmI5hbpro/l3tXOUQKr/FRFOyg4p1W7c/lnJDl3hJxqu1CyxUqfluZ7WmwJa2YUiCDA5NAMIF7+nindS\n"
        "Bm3s7hIwz5PgTAcbswfeMM+sdVuRjILug/nwM8QZXpUbHoJv4/Kt7ccTwy6N3k8SAIfGiDK+RMBLQFzm\n"
        "S4VNy1/eAVkCAwEAATANBgkqhkiG9w0BAQsFAAOCAQEABumWpBWFuPrlzgriklfexXRfvl7fPkk+dghP\n"
        "A549ess+Di63TIFnTSZwImYOYdC3Sq/LqiBSHadyC6UjPQ/MpSJUcC/CI/z+xwVc74sTfwhqrTNosu7l\n"
        "xEzKBrOdCpfHie6uwVsaapBj2SouAQRQa/izFk0fotbnvUgqO5fwsmcOq7I9vG5iZv6movSnsmPfyywq\n"
        "DA6or2hNGTPMem9PFc06QhjUvRlpd1V/jSt1tJpEMiPshDxlV70UpVC/x6kcrZwuU2YbmYdfEYbhXoG4\n"
        "6gIrrH8N8V1sGQE1kgtvTlkHSlbwVy8VQBqlAj5i6Nf/CVySUpS4i7AeQsR3NmPY+g==\n");

#undef PEM

#endif
