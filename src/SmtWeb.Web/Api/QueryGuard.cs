using System.Reflection;
using Microsoft.AspNetCore.Routing.Patterns;
using SmtWeb.Data.Settings;

namespace SmtWeb.Web.Api;

/// <summary>
/// Refuses query parameters that the endpoint does not know, and repeated ones, by name: a misspelt <c>limti=5</c> must not
/// answer something that was not asked for. What is known is what the handler takes.
/// </summary>
internal static class QueryGuard
{
    internal static EndpointFilterDelegate Create(EndpointFilterFactoryContext context, EndpointFilterDelegate next)
    {
        var simple = context.MethodInfo.GetParameters().Where(IsSimple).Select(p => p.Name!).ToList();
        return async invocation =>
        {
            var http = invocation.HttpContext;
            if (http.Request.Query.Count > 0)
            {
                var route = (http.GetEndpoint() as RouteEndpoint)?.RoutePattern ?? RoutePatternFactory.Parse("");
                var known = simple.Where(name => route.GetParameter(name) is null).ToHashSet(StringComparer.OrdinalIgnoreCase);
                if (Errors(http.Request.Query, known).ToList() is { Count: > 0 } errors)
                {
                    return Problems.Invalid(errors);
                }
            }

            return await next(invocation);
        };
    }

    private static IEnumerable<SpecError> Errors(IQueryCollection query, HashSet<string> known)
    {
        foreach (var (name, values) in query)
        {
            if (!known.Contains(name))
            {
                var there = known.Count == 0 ? "this takes none" : $"known here: {string.Join(", ", known)}";
                yield return new SpecError(name.Length == 0 ? "$query" : name, $"Unknown query parameter; {there}.");
            }
            else if (values.Count > 1)
            {
                yield return new SpecError(name, "This query parameter is given twice.");
            }
        }
    }

    private static bool IsSimple(ParameterInfo parameter)
    {
        var type = Nullable.GetUnderlyingType(parameter.ParameterType) ?? parameter.ParameterType;
        return type.IsPrimitive || type.IsEnum || type == typeof(string);
    }
}
