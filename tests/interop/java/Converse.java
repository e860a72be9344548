import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Duration;

/**
 * Reads tokens, a line each, and says what the verifier makes of them: `ok <subject>`, `refused <why>`, or
 * `unavailable <why>` when it cannot tell.
 */
final class Converse {
    public static void main(String[] arguments) throws Exception {
        Duration cooldown = Duration.ofMillis((long) (Double.parseDouble(arguments[2]) * 1000));
        Verifier verifier = new Verifier(arguments[0], arguments[1], arguments[3], cooldown);
        BufferedReader tokens = new BufferedReader(new InputStreamReader(System.in));
        for (String token; (token = tokens.readLine()) != null; ) {
            try {
                System.out.println("ok " + verifier.verify(token).get("sub"));
            } catch (Verifier.CannotVerify reason) {
                System.out.println("unavailable");
            } catch (Exception refusal) {
                System.out.println("refused " + refusal.getMessage());
            }
        }
    }
}
