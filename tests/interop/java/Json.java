import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.*;
import java.util.regex.*;

/** Strict JSON (RFC 8259): repeated members, deep nesting and anything after the end are refused. */
final class Json {
    private static final Pattern NUMBER = Pattern.compile("-?(0|[1-9]\\d*)(\\.\\d+)?([eE][-+]?\\d+)?");
    private final String text;
    private int at;

    private Json(String text) {
        this.text = text;
    }

    /** Map, List, String, Long (whole numbers), Double, Boolean or null. */
    static Object parse(byte[] utf8) {
        try {
            Json json = new Json(StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(utf8)).toString());
            Object value = json.value(0);
            json.check(json.next() == 0);
            return value;
        } catch (CharacterCodingException notUtf8) {
            throw new IllegalArgumentException(notUtf8);
        }
    }

    private Object value(int depth) {
        check(depth < 20);
        return switch (next()) {
            case '{' -> object(depth);
            case '[' -> list(depth);
            case '"' -> string();
            case 't' -> word("true", true);
            case 'f' -> word("false", false);
            case 'n' -> word("null", null);
            default -> number();
        };
    }

    private Map<String, Object> object(int depth) {
        Map<String, Object> object = new HashMap<>();
        for (at++; next() != '}' || !object.isEmpty(); ) {
            check(next() == '"');
            String name = string();
            check(next() == ':' && !object.containsKey(name));
            at++;
            object.put(name, value(depth + 1));
            if (next() == '}') break;
            check(text.charAt(at++) == ',');
        }
        at++;
        return object;
    }

    private List<Object> list(int depth) {
        List<Object> list = new ArrayList<>();
        for (at++; next() != ']' || !list.isEmpty(); ) {
            list.add(value(depth + 1));
            if (next() == ']') break;
            check(text.charAt(at++) == ',');
        }
        at++;
        return list;
    }

    private String string() {
        StringBuilder string = new StringBuilder();
        for (at++; ; at++) {
            check(at < text.length() && text.charAt(at) >= ' ');
            char each = text.charAt(at);
            if (each == '"') break;
            if (each != '\\') {
                string.append(each);
                continue;
            }
            check(at + 1 < text.length());
            char escaped = text.charAt(++at);
            int plain = "\"\\/bfnrt".indexOf(escaped);
            if (plain >= 0) {
                string.append("\"\\/\b\f\n\r\t".charAt(plain));
            } else {
                check(escaped == 'u' && at + 4 < text.length());
                String digits = text.substring(at + 1, at + 5);
                check(digits.matches("[0-9a-fA-F]{4}"));
                string.append((char) Integer.parseInt(digits, 16));
                at += 4;
            }
        }
        at++;
        return string.toString();
    }

    private Object number() {
        Matcher number = NUMBER.matcher(text).region(at, text.length());
        check(number.lookingAt());
        at = number.end();
        boolean whole = number.group(2) == null && number.group(3) == null;
        return whole ? (Object) Long.valueOf(number.group()) : Double.valueOf(number.group());
    }

    private Object word(String word, Object value) {
        check(text.startsWith(word, at));
        at += word.length();
        return value;
    }

    /** The next character that is not a space, without consuming it; 0 at the end. */
    private char next() {
        while (at < text.length() && " \t\n\r".indexOf(text.charAt(at)) >= 0) at++;
        return at < text.length() ? text.charAt(at) : 0;
    }

    private void check(boolean holds) {
        if (!holds) throw new IllegalArgumentException("no JSON, at " + at);
    }
}
