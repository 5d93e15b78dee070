namespace SmtWeb.Browser.Tests;

/// <summary>A test in a real browser; skipped with its reason where there is none.</summary>
[Trait("Needs", "Browser")]
[Trait("Needs", "Postgres")]
public abstract class BrowserTest
{
    /// <summary>Takes the lab, or skips.</summary>
    protected BrowserTest(Lab lab)
    {
        Assert.SkipWhen(lab.Missing is not null, lab.Missing ?? "");
        Lab = lab;
    }

    /// <summary>Server, browser and seeded runs.</summary>
    protected Lab Lab { get; }
}
