import java.io.ByteArrayOutputStream;
import java.math.BigInteger;
import java.net.URI;
import java.net.http.*;
import java.nio.charset.StandardCharsets;
import java.security.*;
import java.security.spec.RSAPublicKeySpec;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.*;

final class Verifier {
    /** No keys could be fetched yet: nothing can be said about the token. Answer 503, not 401. */
    static final class CannotVerify extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    /** Of any status. */
    record Answer(int status, HttpHeaders headers, byte[] body) {}

    private static final long LEEWAY = 5, SECOND = 1_000_000_000;
    private static final Pattern MAX_AGE = Pattern.compile("max-age=(\\d+)");

    private final HttpClient client = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
    final String issuer;
    private final String audience, keysUrl;
    private final Duration cooldown;
    private final ReentrantLock fetching = new ReentrantLock();
    private volatile Map<String, PublicKey> keys = Map.of();
    private volatile String etag = "";
    private volatile long staleAt = System.nanoTime(), nextTry = staleAt;

    /** Fetches nothing yet. keysUrl: where this program reaches the keys; if null, at the issuer's URL. */
    Verifier(String issuer, String audience, String keysUrl, Duration cooldown) {
        this.issuer = issuer;
        this.audience = audience;
        this.keysUrl = keysUrl != null ? keysUrl : issuer + "/.well-known/jwks.json";
        this.cooldown = cooldown;
    }

    /** The claims of a good access token; it throws CannotVerify (503), or another exception for a bad one (401). */
    Map<?, ?> verify(String token) throws GeneralSecurityException {
        require(token.length() <= 8192, "not a token");
        Map<?, ?> claims = signed(token, "at+jwt");
        long now = System.currentTimeMillis() / 1000;
        Object aud = claims.get("aud");
        require(audience.equals(aud) || aud instanceof List<?> list && list.contains(audience), "another audience");
        require(now < time(claims, "exp") + LEEWAY, "expired");
        require(time(claims, "iat") <= now + LEEWAY, "not valid yet");
        require(!claims.containsKey("nbf") || time(claims, "nbf") <= now + LEEWAY, "not valid yet");
        for (String name : List.of("sub", "sid", "jti", "client_id", "scope"))
            require(claims.get(name) instanceof String, name + " is missing");
        require(!claims.containsKey("cnf"), "bound to its holder's key, which is not checked here");
        return claims;
    }

    /** The claims of what the issuer has signed, if it is of this type. */
    Map<?, ?> signed(String token, String type) throws GeneralSecurityException {
        String[] parts = token.split("\\.", -1);
        require(parts.length == 3, "not a token");
        Map<?, ?> header = (Map<?, ?>) Json.parse(decode(parts[0]));
        require("RS256".equals(header.get("alg")) && !header.containsKey("crit"), "not signed as it must be");
        String typ = String.valueOf(header.get("typ")).toLowerCase(Locale.ROOT);
        require(typ.equals(type) || typ.equals("application/" + type), "not of the type " + type);

        PublicKey key = key(String.valueOf(header.get("kid")));
        require(key != null, "an unknown key");
        Signature signature = Signature.getInstance("SHA256withRSA");
        signature.initVerify(key);
        signature.update((parts[0] + "." + parts[1]).getBytes(StandardCharsets.US_ASCII));
        require(signature.verify(decode(parts[2])), "a wrong signature");
        Map<?, ?> claims = (Map<?, ?>) Json.parse(decode(parts[1]));
        require(issuer.equals(claims.get("iss")), "another issuer");
        return claims;
    }

    /** What the revocation feed says is published now: other keys than these are fetched, once per cooldown at most. */
    void published(String now) {
        fetching.lock();
        try {
            if (etag.isEmpty() || etag.equals(now)) return;
            staleAt = System.nanoTime();
            fetchIfDue("");
        } finally {
            fetching.unlock();
        }
    }

    private PublicKey key(String id) {
        if (!keys.containsKey(id)) fetching.lock();
        // One thread fetches; the others go on with the key that they have.
        else if (System.nanoTime() - staleAt < 0 || !fetching.tryLock()) return keys.get(id);
        try {
            fetchIfDue(id);
        } finally {
            fetching.unlock();
        }
        if (keys.isEmpty()) throw new CannotVerify();
        return keys.get(id);
    }

    /** Fetches keys that are stale or lack that id, once per cooldown at most. If that fails, the current ones stay. */
    private void fetchIfDue(String id) {
        long now = System.nanoTime();
        if (now - nextTry < 0 || keys.containsKey(id) && now - staleAt < 0) return;
        try {
            fetchKeys();
        } catch (Exception failure) {
            System.getLogger("verifier").log(System.Logger.Level.WARNING, "no new keys from " + keysUrl, failure);
        }
        nextTry = System.nanoTime() + (keys.isEmpty() ? Math.min(cooldown.toNanos(), SECOND) : cooldown.toNanos());
    }

    private void fetchKeys() throws Exception {
        Answer answer = download(keysUrl, 5, 1 << 18);
        if (answer.status != 200) throw new IllegalStateException("status " + answer.status);
        Map<String, PublicKey> published = new HashMap<>();
        for (Object each : (List<?>) ((Map<?, ?>) Json.parse(answer.body)).get("keys")) {
            Map<?, ?> key = (Map<?, ?>) each;
            boolean fit = "RSA".equals(key.get("kty")) && "sig".equals(key.get("use")) && "RS256".equals(key.get("alg"));
            if (!fit || !(key.get("kid") instanceof String id)) continue;
            BigInteger n = new BigInteger(1, decode((String) key.get("n")));
            BigInteger e = new BigInteger(1, decode((String) key.get("e")));
            if (n.bitLength() < 2048) continue;
            published.put(id, KeyFactory.getInstance("RSA").generatePublic(new RSAPublicKeySpec(n, e)));
        }
        if (published.isEmpty()) throw new IllegalStateException("no usable key");
        Matcher maxAge = MAX_AGE.matcher(answer.headers.firstValue("Cache-Control").orElse(""));
        long life = maxAge.find() ? Long.parseLong(maxAge.group(1)) : 300;
        keys = published;
        etag = answer.headers.firstValue("ETag").orElse("").replaceFirst("^W/", "");
        staleAt = System.nanoTime() + (life - answer.headers.firstValueAsLong("Age").orElse(0)) * SECOND;
    }

    /** It gives up after that many seconds, even if bytes keep trickling in. */
    Answer download(String url, int seconds, int limit) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url)).build();
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        var answering = client.sendAsync(request, HttpResponse.BodyHandlers.ofByteArrayConsumer(part -> {
            if (part.isPresent() && body.size() <= limit) body.writeBytes(part.get());
        }));
        try {
            // The timeout of a request ends with the headers; this one is for all of it.
            var answer = answering.get(seconds, TimeUnit.SECONDS);
            if (body.size() > limit) throw new IllegalStateException("more than " + limit + " bytes");
            return new Answer(answer.statusCode(), answer.headers(), body.toByteArray());
        } finally {
            answering.cancel(true);
        }
    }

    private static long time(Map<?, ?> claims, String name) throws GeneralSecurityException {
        if (claims.get(name) instanceof Long time) return time;
        throw new GeneralSecurityException(name + " is missing");
    }

    private static byte[] decode(String part) {
        return Base64.getUrlDecoder().decode(part);
    }

    private static void require(boolean holds, String otherwise) throws GeneralSecurityException {
        if (!holds) throw new GeneralSecurityException(otherwise);
    }
}
