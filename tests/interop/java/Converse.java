import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.Map;

/**
 * Reads tokens, a line each, and says what the verifier makes of them: `ok <subject>`, `refused <why>`, or
 * `unavailable <why>` when it cannot tell. With the address of a revocation feed, it follows that too: what has ended is
 * `refused ended`, and `age` is answered with the feed's, in seconds.
 */
final class Converse {
    public static void main(String[] arguments) throws Exception {
        Duration cooldown = Duration.ofMillis((long) (Double.parseDouble(arguments[2]) * 1000));
        Verifier verifier = new Verifier(arguments[0], arguments[1], arguments[3], cooldown);
        Revocations revocations = arguments.length > 4 ? new Revocations(verifier, arguments[4], 25) : null;
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = lines.readLine()) != null; ) {
            if (line.equals("age")) {
                System.out.println("age " + revocations.age());
                continue;
            }
            try {
                Map<?, ?> claims = verifier.verify(line);
                boolean ended = revocations != null && revocations.refuses(claims);
                System.out.println(ended ? "refused ended" : "ok " + claims.get("sub"));
            } catch (Verifier.CannotVerify reason) {
                System.out.println("unavailable");
            } catch (Exception refusal) {
                System.out.println("refused " + refusal.getMessage());
            }
        }
    }
}
