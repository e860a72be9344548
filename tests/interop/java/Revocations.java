import java.nio.charset.StandardCharsets;
import java.security.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.function.BinaryOperator;

/** Follows the feed in the background: on a daemon thread. */
final class Revocations {
    private record Fact(long number, long until, String but) {}

    private static final Fact NOTHING = new Fact(0, 0, "");
    private static final BinaryOperator<Fact> GREATER =
        BinaryOperator.maxBy(Comparator.comparingLong(Fact::number).thenComparingLong(Fact::until));
    private static final long SECOND = 1_000_000_000;

    private final Map<String, Fact> known = new ConcurrentHashMap<>(); // by kind and digest
    private final Verifier verifier;
    private final String url;
    private final int wait;
    private volatile Long freshAt;

    /**
     * url: where this program reaches the feed; if null, at the issuer's URL. wait: seconds, a third at most of the age
     * that you accept.
     */
    Revocations(Verifier verifier, String url, int wait) {
        this.verifier = verifier;
        this.url = url != null ? url : verifier.issuer + "/revocations";
        this.wait = wait;
        Thread follower = new Thread(this::follow, "revocations");
        follower.setDaemon(true);
        follower.start();
    }

    double age() {
        return freshAt == null ? Double.POSITIVE_INFINITY : (double) (System.nanoTime() - freshAt) / SECOND;
    }

    boolean refuses(Map<?, ?> claims) {
        String sid = digest("sid", claims), jti = digest("jti", claims), sub = digest("sub", claims);
        if (known.containsKey("ended " + sid) || known.containsKey("ended " + jti)) return true;
        Fact user = known.getOrDefault("epoch " + sub, NOTHING), all = known.getOrDefault("epoch ", NOTHING);
        long epoch = Math.max(user.but.equals(sid) ? 0 : user.number, all.number);
        long rev = known.getOrDefault("rev " + sub, NOTHING).number;
        return epoch > number(claims, "epoch") || rev > number(claims, "rev");
    }

    private void follow() {
        ThreadLocalRandom chance = ThreadLocalRandom.current();
        long cursor = 0, allAt = 0, newestIat = 0, newestTo = 0;
        double pause = 0;
        for (int longest = 0, failures = 0; ; ) {
            try {
                Thread.sleep((long) (pause * 1000));
                pause = Math.min(5, Math.pow(2, failures) / 4) * chance.nextDouble(0.5, 1);
                long askedAt = System.nanoTime();
                if (cursor == 0) allAt = askedAt + chance.nextLong(240, 360) * SECOND;
                String question = url + "?after=" + cursor + "&wait=" + longest;
                Verifier.Answer answer = verifier.download(question, longest + 10, 1 << 23);
                if (answer.status() == 404) pause = 60;
                if (answer.status() != 200) throw new IllegalStateException("status " + answer.status());
                String text = new String(answer.body(), StandardCharsets.US_ASCII);
                Map<?, ?> page = verifier.signed(text, "revocations+jwt");
                long after = get(page, "after", Long.class), to = get(page, "to", Long.class);
                boolean more = get(page, "more", Boolean.class);
                if (after < 0 || after > Math.min(cursor, to)) throw new IllegalStateException("not a page");
                long iat = get(page, "iat", Long.class);
                String jwks = get(page, "jwks", String.class);
                learn(get(page, "ended", List.class), iat);
                verifier.published(jwks);
                boolean isNews = more ? to > cursor : iat > newestIat || iat == newestIat && to > newestTo;
                // After a restore of the database, and every five minutes, everything is read again, and added.
                boolean readAll = to < cursor || !more && askedAt - allAt > 0;
                cursor = readAll ? 0 : to;
                longest = readAll || more ? 0 : wait;
                long rest = Math.max(0, Math.min(5, answer.headers().firstValueAsLong("Retry-After").orElse(0)));
                if (!isNews && rest == 0) throw new IllegalStateException("not newer than what is known");
                if (isNews && !more) {
                    newestIat = iat;
                    newestTo = to;
                    freshAt = askedAt;
                }
                failures = 0;
                pause = rest;
            } catch (Exception failure) { // Whatever it is: what is known stays known.
                if (failures++ == 0) System.getLogger("revocations").log(System.Logger.Level.WARNING, url, failure);
            }
        }
    }

    private void learn(List<?> ended, long iat) {
        long now = System.nanoTime();
        Map<String, Fact> found = new HashMap<>();
        for (Object each : ended) {
            Map<?, ?> entry = (Map<?, ?>) each;
            String h = entry.containsKey("h") ? get(entry, "h", String.class) : "";
            String but = entry.containsKey("but") ? get(entry, "but", String.class) : "";
            long until = now + Math.min(get(entry, "u", Long.class) - iat, 7200) * SECOND;
            boolean isPlain = true;
            for (String kind : List.of("epoch", "rev")) {
                if (!entry.containsKey(kind)) continue;
                found.merge(kind + " " + h, new Fact(get(entry, kind, Long.class), until, but), GREATER);
                isPlain = false;
            }
            if (isPlain) found.merge("ended " + h, new Fact(1, until, ""), GREATER);
        }
        known.values().removeIf(fact -> fact.until - now < 0);
        found.forEach((name, fact) -> known.merge(name, fact, GREATER));
    }

    /** A member that must be there, and of this type. */
    private static <T> T get(Map<?, ?> object, String name, Class<T> type) {
        return type.cast(Objects.requireNonNull(object.get(name), name));
    }

    private static long number(Map<?, ?> claims, String name) {
        return claims.get(name) instanceof Long number ? number : 0;
    }

    private static String digest(String kind, Map<?, ?> claims) {
        try {
            byte[] text = (kind + ":" + claims.get(kind)).getBytes(StandardCharsets.UTF_8);
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(text);
            return Base64.getUrlEncoder().withoutPadding().encodeToString(Arrays.copyOf(hash, 16));
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
