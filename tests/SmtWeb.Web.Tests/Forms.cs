using System.Net;
using System.Text.RegularExpressions;

namespace SmtWeb.Web.Tests;

/// <summary>Fills the forms of sign-in as a browser does.</summary>
internal static partial class Forms
{
    /// <summary>Opens a page and posts its form with the hidden fields it came with.</summary>
    internal static async Task<HttpResponseMessage> FillAsync(
        this HttpClient browser,
        string page,
        params (string Name, string Value)[] fields
    ) => await browser.SubmitAsync(await browser.OpenAsync(page), fields);

    /// <summary>The markup of a page.</summary>
    internal static async Task<string> OpenAsync(this HttpClient browser, string page) =>
        await (await browser.GetAsync(page)).Content.ReadAsStringAsync();

    /// <summary>Posts the form of a page that is open.</summary>
    internal static async Task<HttpResponseMessage> SubmitAsync(
        this HttpClient browser,
        string html,
        params (string Name, string Value)[] fields
    )
    {
        Assert.Matches(Action(), html);
        var action = WebUtility.HtmlDecode(Action().Match(html).Groups[1].Value);
        var hidden = Hidden().Matches(html).Select(m => KeyValuePair.Create(m.Groups[1].Value, WebUtility.HtmlDecode(m.Groups[2].Value)));
        return await browser.PostAsync(
            action,
            new FormUrlEncodedContent(hidden.Concat(fields.Select(f => KeyValuePair.Create(f.Name, f.Value))))
        );
    }

    [GeneratedRegex("<form method=\"post\" action=\"([^\"]+)\"")]
    private static partial Regex Action();

    [GeneratedRegex("<input type=\"hidden\" name=\"([^\"]+)\" value=\"([^\"]*)\"")]
    private static partial Regex Hidden();
}
