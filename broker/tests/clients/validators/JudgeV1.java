import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import com.amazonaws.services.sns.message.SnsMessageManager;

/** Lets the message manager of version 1 of AWS's SDK for Java judge every envelope of a directory. */
public class JudgeV1 {
    public static void main(String[] arguments) throws Exception {
        var manager = new SnsMessageManager("us-east-1");
        List<Path> files;
        try (var found = Files.list(Path.of(arguments[0]))) {
            files = found.sorted().toList();
        }
        int wrong = 0;
        for (Path file : files) {
            boolean expected = !file.toString().contains(".changed.");
            boolean found;
            String said;
            try (InputStream envelope = Files.newInputStream(file)) {
                manager.parseMessage(envelope);
                found = true;
                said = "accepted";
            } catch (Exception refusal) {
                found = false;
                said = "refused (" + refusal.getMessage() + ")";
            }
            wrong += found == expected ? 0 : 1;
            System.out.println((found == expected ? "ok   " : "FAIL ") + file.getFileName() + ": " + said);
        }
        System.exit(wrong == 0 ? 0 : 1);
    }
}
