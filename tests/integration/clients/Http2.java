// Http2.java URL CA COUNT SIZE: COUNT requests at once, then one with a body of SIZE bytes that comes back. Prints what it was answered.
import java.io.FileInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

public class Http2 {
    public static void main(String[] arguments) throws Exception {
        String url = arguments[0];
        int count = Integer.parseInt(arguments[2]);
        HttpClient client = HttpClient.newBuilder().sslContext(trusting(arguments[1])).version(HttpClient.Version.HTTP_2).build();
        // The first alone: others that come before its connection is there would make connections of their own.
        Set<String> answers = new TreeSet<>();
        answers.add(describe(client.send(get(url), HttpResponse.BodyHandlers.ofString())));
        IntStream.range(0, count)
            .mapToObj(i -> client.sendAsync(get(url), HttpResponse.BodyHandlers.ofString()))
            .toList()
            .forEach(answer -> answers.add(describe(answer.join())));
        byte[] body = new byte[Integer.parseInt(arguments[3])];
        Arrays.fill(body, (byte) 'j');
        HttpRequest post = HttpRequest.newBuilder(URI.create(url + "/echo"))
            .POST(HttpRequest.BodyPublishers.ofByteArray(body)).build();
        byte[] echo = client.send(post, HttpResponse.BodyHandlers.ofByteArray()).body();
        System.out.println(answers + (Arrays.equals(body, echo) ? " echo" : " no echo"));
        System.exit(0);
    }

    private static HttpRequest get(String url) {
        return HttpRequest.newBuilder(URI.create(url + "/")).build();
    }

    private static String describe(HttpResponse<String> response) {
        return response.version() + " " + response.statusCode() + " " + response.body();
    }

    private static SSLContext trusting(String path) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null);
        try (FileInputStream file = new FileInputStream(path)) {
            store.setCertificateEntry("authority", CertificateFactory.getInstance("X.509").generateCertificate(file));
        }
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, factory.getTrustManagers(), null);
        return context;
    }
}
