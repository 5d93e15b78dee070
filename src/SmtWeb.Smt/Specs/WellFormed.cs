using System.Text.Json;
using SmtWeb.Data.Settings;

namespace SmtWeb.Smt.Specs;

/// <summary>
/// JSON may hold what is no text: bytes that are not UTF-8, halves of surrogate pairs, and the character NUL, which
/// PostgreSQL does not store. Found before anything reads the body, so that no reader has to think of it.
/// </summary>
public static class WellFormed
{
    /// <summary>Adds every member whose name or text is none.</summary>
    public static void Check(JsonElement json, string path, List<SpecError> errors)
    {
        switch (json.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (var member in json.EnumerateObject())
                {
                    if (Text(() => member.Name) is { } name)
                    {
                        Check(member.Value, $"{path}.{name}", errors);
                    }
                    else
                    {
                        errors.Add(
                            new SpecError(
                                path,
                                "The name of a member is no text: it holds bytes that are not UTF-8, half a surrogate pair or the "
                                    + "character NUL."
                            )
                        );
                    }
                }

                break;
            case JsonValueKind.Array:
                var index = 0;
                foreach (var item in json.EnumerateArray())
                {
                    Check(item, $"{path}[{index++}]", errors);
                }

                break;
            case JsonValueKind.String when Text(() => json.GetString()!) is null:
                errors.Add(
                    new SpecError(path, "This is no text: it holds bytes that are not UTF-8, half a surrogate pair or the character NUL.")
                );
                break;
        }
    }

    private static string? Text(Func<string> read)
    {
        try
        {
            return read() is var text && !text.Contains('\0') ? text : null;
        }
        catch (InvalidOperationException)
        {
            return null; // the reader's word for bytes and escapes that make no characters
        }
    }
}
