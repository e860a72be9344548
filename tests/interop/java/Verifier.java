import java.math.BigInteger;
import java.net.URI;
import java.net.http.*;
import java.nio.charset.StandardCharsets;
import java.security.*;
import java.security.spec.RSAPublicKeySpec;
import java.time.Duration;
import java.util.*;

final class Verifier {
    private static final Duration MAX_AGE = Duration.ofMinutes(5);
    private static final long LEEWAY = 5;

    private final HttpClient client = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
    private final String issuer, audience, keysUrl;
    private final Duration cooldown;
    private Map<String, PublicKey> keys = new HashMap<>();
    private long asked = System.nanoTime() - MAX_AGE.toNanos();

    Verifier(String issuer, String audience, Duration cooldown) throws Exception {
        Map<?, ?> metadata = (Map<?, ?>) fetch(issuer + "/.well-known/oauth-authorization-server");
        if (!issuer.equals(metadata.get("issuer"))) throw new SecurityException("these are another issuer's metadata");
        this.issuer = issuer;
        this.audience = audience;
        this.cooldown = cooldown;
        this.keysUrl = (String) metadata.get("jwks_uri");
    }

    /** The claims of a good access token; it throws for anything else. */
    Map<?, ?> verify(String token) throws GeneralSecurityException {
        String[] parts = token.split("\\.", -1);
        require(parts.length == 3 && token.length() <= 8192, "not a token");
        Map<?, ?> header = (Map<?, ?>) Json.parse(decode(parts[0]));
        require("RS256".equals(header.get("alg")) && !header.containsKey("crit"), "not signed as it must be");
        String type = String.valueOf(header.get("typ")).toLowerCase(Locale.ROOT);
        require(type.equals("at+jwt") || type.equals("application/at+jwt"), "not an access token");

        PublicKey key = key(header.get("kid"));
        require(key != null, "an unknown key");
        Signature signature = Signature.getInstance("SHA256withRSA");
        signature.initVerify(key);
        signature.update((parts[0] + "." + parts[1]).getBytes(StandardCharsets.US_ASCII));
        require(signature.verify(decode(parts[2])), "a wrong signature");

        Map<?, ?> claims = (Map<?, ?>) Json.parse(decode(parts[1]));
        long now = System.currentTimeMillis() / 1000;
        require(issuer.equals(claims.get("iss")), "another issuer");
        Object aud = claims.get("aud");
        require(audience.equals(aud) || aud instanceof List<?> list && list.contains(audience), "for somebody else");
        require(now < time(claims, "exp") + LEEWAY, "expired");
        require(time(claims, "iat") <= now + LEEWAY, "not valid yet");
        require(!claims.containsKey("nbf") || time(claims, "nbf") <= now + LEEWAY, "not valid yet");
        for (String name : List.of("sub", "sid", "jti", "client_id", "scope"))
            require(claims.get(name) instanceof String, name + " is missing");
        require(!claims.containsKey("cnf"), "bound to a key of its holder, which is not checked here");
        return claims;
    }

    /** Keys are fetched again after MAX_AGE, and once per cooldown for an id that is not known; else they stay. */
    private synchronized PublicKey key(Object id) {
        long age = System.nanoTime() - asked;
        if (age >= MAX_AGE.toNanos() || !keys.containsKey(id) && age >= cooldown.toNanos()) {
            asked = System.nanoTime();
            try {
                Map<String, PublicKey> published = published();
                if (!published.isEmpty()) keys = published;
            } catch (Exception unreachable) {
                System.getLogger("verifier").log(System.Logger.Level.WARNING, "no new keys", unreachable);
            }
        }
        return keys.get(id);
    }

    private Map<String, PublicKey> published() throws Exception {
        Map<String, PublicKey> published = new HashMap<>();
        for (Object each : (List<?>) ((Map<?, ?>) fetch(keysUrl)).get("keys")) {
            Map<?, ?> key = (Map<?, ?>) each;
            boolean fit = "RSA".equals(key.get("kty")) && "sig".equals(key.get("use")) && "RS256".equals(key.get("alg"));
            if (!fit || !(key.get("kid") instanceof String id)) continue;
            BigInteger n = new BigInteger(1, decode((String) key.get("n")));
            BigInteger e = new BigInteger(1, decode((String) key.get("e")));
            if (n.bitLength() < 2048) continue;
            published.put(id, KeyFactory.getInstance("RSA").generatePublic(new RSAPublicKeySpec(n, e)));
        }
        return published;
    }

    private Object fetch(String url) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofSeconds(5)).build();
        HttpResponse<byte[]> answer = client.send(request, HttpResponse.BodyHandlers.ofByteArray());
        if (answer.statusCode() != 200) throw new IllegalStateException(url + " answers " + answer.statusCode());
        return Json.parse(answer.body());
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
