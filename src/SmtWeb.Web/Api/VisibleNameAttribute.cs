using SmtWeb.Data.Text;

namespace SmtWeb.Web.Api;

/// <summary>
/// Marks a member that is a name: it must be one line of what is seen (<see cref="NameRule"/>), within the bounds of its length.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class VisibleNameAttribute : Attribute;
